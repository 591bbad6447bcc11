#include <assert.h>

#include "gemm_block.h"
#include "ir_convolution.h"
#include "parallel.h"
#include "sliding.h"

// Output pixels whose coordinates agree modulo the stride (a phase) see the same taps: each phase
// is a convolution at unit step with a subset of the kernel, written with the stride as spacing.

struct axis_phase {
  size_t grid, taps, first_tap, next_tap;
  ptrdiff_t first_shift, next_shift;
};

static size_t greatest_common_divisor(size_t a, size_t b) {
  while (b) {
    size_t rest = a % b;
    a = b, b = rest;
  }
  return a;
}

// Output o = phase + stride * g reads input g + shift(tap) for the taps with
// (phase + pad - tap * dilation) divisible by the stride.
static struct axis_phase phase_of(
  size_t phase, size_t extent, size_t kernel, size_t stride, size_t dilation, size_t pad) {
  struct axis_phase result = {.grid = extent > phase ? (extent - phase - 1) / stride + 1 : 0};
  size_t period = stride / greatest_common_divisor(stride, dilation);
  for (size_t tap = 0; tap < kernel && tap < period; tap++) {
    ptrdiff_t distance = (ptrdiff_t)(phase + pad) - (ptrdiff_t)(tap * dilation);
    if (distance % (ptrdiff_t)stride) continue;
    result.first_tap = tap;
    result.next_tap = period;
    result.taps = (kernel - tap - 1) / period + 1;
    result.first_shift = distance / (ptrdiff_t)stride;
    result.next_shift = -(ptrdiff_t)(period * dilation / stride);
    break;
  }
  return result;
}

struct phase {
  struct axis_phase y, x;
  struct ir_sliding sliding;
  size_t columns, depth;
};

static struct phase phase_at(const struct ir_conv2d_params *p, size_t index) {
  struct phase phase = {
    .y = phase_of(
      index / p->stride_x, p->output_height, p->kernel_height, p->stride_y, p->dilation_y, p->pad_top),
    .x = phase_of(
      index % p->stride_x, p->output_width, p->kernel_width, p->stride_x, p->dilation_x, p->pad_left),
  };
  phase.sliding = (struct ir_sliding){
    .channels = p->input_channels / p->groups,
    .height = p->input_height,
    .width = p->input_width,
    .grid_height = phase.y.grid,
    .grid_width = phase.x.grid,
    .step_y = 1,
    .step_x = 1,
    .tap_rows = phase.y.taps,
    .tap_columns = phase.x.taps,
    .first_dy = phase.y.first_shift,
    .next_dy = phase.y.next_shift,
    .first_dx = phase.x.first_shift,
    .next_dx = phase.x.next_shift,
  };
  phase.columns = phase.y.grid * phase.x.grid;
  phase.depth = phase.sliding.channels * phase.y.taps * phase.x.taps;
  return phase;
}

// Rows of a panel, of all instruction sets.
enum { MOST_ROWS = 16 };

static size_t phase_count(const struct ir_conv2d_params *p) { return p->stride_y * p->stride_x; }

size_t ir_conv2d_transpose_packed_weights_count(const struct ir_conv2d_params *p) {
  size_t count = 0;
  for (size_t index = 0; index < phase_count(p); index++)
    count += p->output_channels * ir_packed_depth(phase_at(p, index).depth, p->is_bfloat16);
  return count;
}

// Order: phase, group, panel, tap, channel, row. The phases' taps partition the kernel; which
// output extents a phase has does not matter here.
void ir_conv2d_transpose_pack_weights(const struct ir_conv2d_params *p, const float *weights, float *packed) {
  const size_t rows = p->output_channels / p->groups, channels = p->input_channels / p->groups;
  const size_t taps = p->kernel_height * p->kernel_width;
  struct ir_panels panels = ir_panels_of(rows);
  // Two numbers of each row at a time.
  float part[2 * MOST_ROWS];
  assert(panels.rows < MOST_ROWS);
  for (size_t index = 0; index < phase_count(p); index++) {
    struct phase phase = phase_at(p, index);
    for (size_t group = 0; group < p->groups; group++)
      for (size_t panel = 0; panel < panels.count; panel++) {
        size_t start = ir_panel_start(&panels, panel), height = ir_panel_rows(&panels, panel);
        for (size_t k = 0, count; k < phase.depth; k += count) {
          count = ir_smaller(2, phase.depth - k);
          for (size_t j = 0; j < count; j++) {
            const size_t tap = (k + j) / channels, channel = (k + j) % channels;
            const size_t ky = phase.y.first_tap + tap / phase.x.taps * phase.y.next_tap;
            const size_t kx = phase.x.first_tap + tap % phase.x.taps * phase.x.next_tap;
            for (size_t i = 0; i < height; i++)
              part[j * height + i] =
                weights[((group * channels + channel) * rows + start + i) * taps + ky * p->kernel_width + kx];
          }
          ir_write_panel(height, count, part, p->is_bfloat16, packed);
          packed += ir_packed_depth(count, p->is_bfloat16) * height;
        }
      }
  }
}

struct transpose_context {
  const struct ir_conv2d_params *params;
  struct phase phase;
  struct ir_panels panels;
  size_t phase_y, phase_x, column_blocks;
  const float *input, *weights, *bias, *residual;
  float *output, *workspace;
};

static size_t most_depth(const struct ir_conv2d_params *p) {
  return p->input_channels / p->groups * p->kernel_height * p->kernel_width;
}

// A worker's packed columns; then its block of results, before they are spread.
static size_t packed_count(const struct ir_conv2d_params *p) {
  size_t most = ir_smaller(most_depth(p), 512);
  return ir_aligned_count(most * IR_COLUMN_BLOCK + ir_kernels()->gemm_columns);
}
static size_t worker_count(const struct ir_conv2d_params *p) {
  return packed_count(p) + ir_aligned_count(p->output_channels / p->groups * IR_COLUMN_BLOCK);
}

size_t ir_conv2d_transpose_workspace(const struct ir_conv2d_params *p, int threads) {
  return (size_t)threads * worker_count(p) * sizeof(float);
}

// The block's results to their pixels, with what comes after the sum.
static void spread(
  const struct transpose_context *c, const float *block, size_t image_group, size_t first, size_t columns) {
  const struct ir_conv2d_params *p = c->params;
  const size_t rows = p->output_channels / p->groups, plane = p->output_height * p->output_width;
  const size_t grid_width = c->phase.x.grid, group = image_group % p->groups;
  for (size_t i = 0; i < rows; i++) {
    size_t base = (image_group * rows + i) * plane;
    float bias = c->bias ? c->bias[group * rows + i] : 0;
    size_t y = first / grid_width, x = first % grid_width;
    for (size_t j = 0; j < columns; j++) {
      size_t at = base + (c->phase_y + y * p->stride_y) * p->output_width + c->phase_x + x * p->stride_x;
      float value = block[i * IR_COLUMN_BLOCK + j] + bias;
      if (c->residual) value += c->residual[at];
      if (p->activation == IR_ACTIVATION_RELU && value < 0) value = 0;
      c->output[at] = value;
      if (++x == grid_width) x = 0, y++;
    }
  }
}

static void run_task(const void *context, size_t index, int thread) {
  const struct transpose_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const struct phase *phase = &c->phase;
  size_t column = index % c->column_blocks * IR_COLUMN_BLOCK;
  size_t image_group = index / c->column_blocks, group = image_group % p->groups;
  const size_t rows = p->output_channels / p->groups;
  float *packed = c->workspace + (size_t)thread * worker_count(p);
  float *result = packed + packed_count(p);
  struct ir_gemm_block block = {
    .panels = c->panels,
    .last_panel = c->panels.count,
    .columns = ir_smaller(IR_COLUMN_BLOCK, phase->columns - column),
    .total_depth = phase->depth,
    .is_bfloat16 = p->is_bfloat16,
    .a = c->weights + group * rows * ir_packed_depth(phase->depth, p->is_bfloat16),
    .b = packed,
    .c = result,
    .c_stride = IR_COLUMN_BLOCK,
    .alpha = 1,
  };
  const float *input = c->input + image_group * phase->sliding.channels * p->input_height * p->input_width;
  size_t step = ir_depth_block(phase->depth);
  if (!phase->depth)
    for (size_t i = 0; i < rows * IR_COLUMN_BLOCK; i++) result[i] = 0;
  for (; block.start < phase->depth; block.start += block.depth) {
    block.depth = ir_smaller(step, phase->depth - block.start);
    ir_pack_sliding_columns(&phase->sliding, input, block.start, block.depth, column, block.columns, packed);
    ir_gemm_round_columns(&block, packed);
    ir_gemm_block(&block);
  }
  spread(c, result, image_group, column, block.columns);
}

void ir_conv2d_transpose(
  const struct ir_conv2d_params *p, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  struct transpose_context c = {
    .params = p,
    .panels = ir_panels_of(p->output_channels / p->groups),
    .input = input,
    .weights = packed_weights,
    .bias = bias,
    .residual = residual,
    .output = output,
    .workspace = workspace,
  };
  for (size_t index = 0; index < phase_count(p); index++) {
    c.phase = phase_at(p, index);
    c.phase_y = index / p->stride_x;
    c.phase_x = index % p->stride_x;
    c.column_blocks = ir_ceiling_divide(c.phase.columns, IR_COLUMN_BLOCK);
    if (c.panels.count) ir_parallel_for(p->batch * p->groups * c.column_blocks, threads, run_task, &c);
    c.weights += p->output_channels * ir_packed_depth(c.phase.depth, p->is_bfloat16);
  }
}
