// Convolutions of which most windows lie partly outside, as dilated ones over small feature maps do. Pixels
// whose windows have the same taps inside are a rectangle: a convolution with these taps alone.

#include <assert.h>
#include <string.h>

#include "conv2d_packing.h"
#include "gemm_block.h"
#include "parallel.h"
#include "sliding.h"

enum { MOST_TAPS = 8, MOST_SPANS = 2 * MOST_TAPS + 1 };

// Positions of outputs along an axis with the same taps inside.
struct span {
  size_t first, last, first_tap, last_tap;
};

struct axis {
  struct span spans[MOST_SPANS];
  size_t count;
  /// Of all positions together.
  size_t taps;
};

struct parts_plan {
  struct axis rows, columns;
  struct ir_panels panels;
  size_t depth, blocks, row_parts;
};

struct parts_context {
  const struct ir_conv2d_params *params;
  struct parts_plan plan;
  const float *input, *weights, *bias, *residual;
  float *output, *workspace;
};

// Taps at these numbers of `step`, counted from `before` ahead of the axis, that lie before `end`.
static size_t taps_before(size_t end, size_t before, size_t position, size_t step, size_t most) {
  if (end + before <= position) return 0;
  return ir_smaller(ir_ceiling_divide(end + before - position, step), most);
}

static struct axis axis_of(
  size_t extent, size_t outputs, size_t taps, size_t stride, size_t dilation, size_t pad) {
  struct axis axis = {.count = 0};
  for (size_t i = 0; i < outputs; i++) {
    const size_t first = taps_before(0, pad, i * stride, dilation, taps);
    const size_t last = taps_before(extent, pad, i * stride, dilation, taps);
    axis.taps += last - first;
    struct span *span = axis.count ? &axis.spans[axis.count - 1] : NULL;
    if (!span || span->first_tap != first || span->last_tap != last) {
      assert(axis.count < MOST_SPANS);
      span = &axis.spans[axis.count++];
      *span = (struct span){i, i, first, last};
    }
    span->last = i + 1;
  }
  return axis;
}

static size_t extent_of(const struct span *span) { return span->last - span->first; }

static size_t blocks_of(const struct span *rows, const struct span *columns) {
  return ir_ceiling_divide(extent_of(rows) * extent_of(columns), IR_COLUMN_BLOCK);
}

// Fewer blocks than this, and the panels are shared out as well.
enum { ENOUGH_TASKS = 16 };

static struct parts_plan plan_of(const struct ir_conv2d_params *p) {
  struct parts_plan plan = {
    .rows =
      axis_of(p->input_height, p->output_height, p->kernel_height, p->stride_y, p->dilation_y, p->pad_top),
    .columns =
      axis_of(p->input_width, p->output_width, p->kernel_width, p->stride_x, p->dilation_x, p->pad_left),
    .panels = ir_panels_of(p->output_channels),
    .depth = p->input_channels * p->kernel_height * p->kernel_width,
  };
  for (size_t i = 0; i < plan.rows.count; i++)
    for (size_t j = 0; j < plan.columns.count; j++)
      plan.blocks += blocks_of(&plan.rows.spans[i], &plan.columns.spans[j]);
  plan.row_parts = ir_panel_parts(&plan.panels, p->batch * plan.blocks, ENOUGH_TASKS);
  return plan;
}

bool ir_conv2d_has_parts(const struct ir_conv2d_params *p) {
  if (p->groups != 1 || !p->batch || !p->output_height || !p->output_width || !p->input_channels)
    return false;
  if (p->dilation_y * p->dilation_x == 1 || ir_larger(p->kernel_height, p->kernel_width) > MOST_TAPS)
    return false;
  // Pairs of bfloat16 are numbers of one tap.
  if (p->is_bfloat16 && p->input_channels % 2) return false;
  const struct parts_plan plan = plan_of(p);
  const size_t all = p->output_height * p->output_width * p->kernel_height * p->kernel_width;
  return 4 * plan.rows.taps * plan.columns.taps <= 3 * all;
}

// A thread's floats: packed columns, and results.
static size_t thread_count(const struct ir_conv2d_params *p, const struct parts_plan *plan) {
  return ir_column_block_count(plan->depth) + ir_aligned_count(p->output_channels * IR_COLUMN_BLOCK);
}

size_t ir_conv2d_parts_workspace(const struct ir_conv2d_params *p, int threads) {
  const struct parts_plan plan = plan_of(p);
  return (size_t)threads * thread_count(p, &plan) * sizeof(float);
}

// Some pixels of a rectangle, in its order.
struct pixels {
  const struct span *rows, *columns;
  size_t first, count;
};

static struct pixels pixels_of(const struct parts_plan *plan, size_t block) {
  for (size_t i = 0; i < plan->rows.count; i++)
    for (size_t j = 0; j < plan->columns.count; j++) {
      const struct span *rows = &plan->rows.spans[i], *columns = &plan->columns.spans[j];
      const size_t blocks = blocks_of(rows, columns);
      if (block < blocks) {
        const size_t all = extent_of(rows) * extent_of(columns), first = block * IR_COLUMN_BLOCK;
        return (struct pixels){rows, columns, first, ir_smaller(IR_COLUMN_BLOCK, all - first)};
      }
      block -= blocks;
    }
  assert(false);
  return (struct pixels){0};
}

// The taps of these pixels as a matrix: row (tap, channel), column (pixel).
static struct ir_sliding sliding_of(const struct ir_conv2d_params *p, const struct pixels *pixels) {
  const struct span *rows = pixels->rows, *columns = pixels->columns;
  return (struct ir_sliding){
    .channels = p->input_channels,
    .height = p->input_height,
    .width = p->input_width,
    .grid_height = extent_of(rows),
    .grid_width = extent_of(columns),
    .step_y = p->stride_y,
    .step_x = p->stride_x,
    .tap_rows = rows->last_tap - rows->first_tap,
    .tap_columns = columns->last_tap - columns->first_tap,
    .first_dy =
      (ptrdiff_t)(rows->first * p->stride_y + rows->first_tap * p->dilation_y) - (ptrdiff_t)p->pad_top,
    .next_dy = (ptrdiff_t)p->dilation_y,
    .first_dx =
      (ptrdiff_t)(columns->first * p->stride_x + columns->first_tap * p->dilation_x) - (ptrdiff_t)p->pad_left,
    .next_dx = (ptrdiff_t)p->dilation_x,
  };
}

// Sums of the taps inside, for the block's rows: a row of taps after the other, as their weights lie apart.
static void multiply(
  const struct parts_context *c, const struct pixels *pixels, const float *input, struct ir_gemm_block *block,
  float *packed) {
  const struct ir_conv2d_params *p = c->params;
  const struct ir_sliding sliding = sliding_of(p, pixels);
  const size_t row_depth = sliding.tap_columns * p->input_channels, step = ir_depth_block(c->plan.depth);
  for (size_t row = 0; row < sliding.tap_rows; row++) {
    const size_t tap = (pixels->rows->first_tap + row) * p->kernel_width + pixels->columns->first_tap;
    for (size_t start = 0; start < row_depth; start += block->depth) {
      block->start = tap * p->input_channels + start;
      block->depth = ir_smaller(step, row_depth - start);
      block->b = packed;
      ir_pack_sliding_columns(
        &sliding, input, row * row_depth + start, block->depth, pixels->first, pixels->count, packed);
      ir_gemm_round_columns(block, packed);
      ir_gemm_block(block);
    }
  }
}

static void run_task(const void *context, size_t index, int thread) {
  const struct parts_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const struct parts_plan *plan = &c->plan;
  const size_t part = index % plan->row_parts, place = index / plan->row_parts, image = place / plan->blocks;
  const struct pixels pixels = pixels_of(plan, place % plan->blocks);
  float *packed = c->workspace + (size_t)thread * thread_count(p, plan);
  float *sums = packed + ir_column_block_count(plan->depth);
  struct ir_gemm_block block = {
    .panels = plan->panels,
    .first_panel = plan->panels.count * part / plan->row_parts,
    .last_panel = plan->panels.count * (part + 1) / plan->row_parts,
    .columns = pixels.count,
    .total_depth = plan->depth,
    .is_bfloat16 = p->is_bfloat16,
    .a = c->weights,
    .c = sums,
    .c_stride = IR_COLUMN_BLOCK,
    .alpha = 1,
  };
  const size_t first = ir_panel_start(&plan->panels, block.first_panel);
  const size_t last = ir_panel_start(&plan->panels, block.last_panel);
  // A block that does not begin with the first tap is added to what is there.
  memset(sums + first * IR_COLUMN_BLOCK, 0, (last - first) * IR_COLUMN_BLOCK * sizeof *sums);
  multiply(
    c, &pixels, c->input + image * p->input_channels * p->input_height * p->input_width, &block, packed);
  const size_t width = extent_of(pixels.columns);
  for (size_t channel = first; channel < last; channel++) {
    const size_t plane = (image * p->output_channels + channel) * p->output_height;
    for (size_t i = 0, count; i < pixels.count; i += count) {
      const size_t pixel = pixels.first + i;
      count = ir_smaller(width - pixel % width, pixels.count - i);
      const size_t at = (plane + pixels.rows->first + pixel / width) * p->output_width +
        pixels.columns->first + pixel % width;
      ir_kernels()->f32_scale_shift(
        count, sums + channel * IR_COLUMN_BLOCK + i, 1, c->bias ? c->bias[channel] : 0,
        c->residual ? c->residual + at : NULL, p->activation, c->output + at);
    }
  }
}

void ir_conv2d_parts(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  assert(ir_conv2d_has_parts(params));
  struct parts_context context = {
    params, plan_of(params), input, packed_weights, bias, residual, output, workspace,
  };
  ir_parallel_for(params->batch * context.plan.blocks * context.plan.row_parts, threads, run_task, &context);
}
