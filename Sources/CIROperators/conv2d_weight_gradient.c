#include <string.h>

#include "depthwise.h"
#include "depthwise_gradient.h"
#include "ir_kernels.h"
#include "ir_gradients.h"
#include "parallel.h"

// One group is a product: rows are output channels, columns (channel, tap), depth the output pixels of all
// images. Both operands lie with the pixels next to each other, so the product is one of dot products. A
// chunk of the depth (whole output rows) is read where it is, if it is 1x1 and images are large; else it is
// copied close together, the pixels of several images one after another. Parts are chunks one after another;
// their sums are added in order, whatever the threads.
enum {
  DEPTH_OF_A_CHUNK = 1024,
  DEPTH_OF_A_COPIED_CHUNK = 512,
  ROWS_OF_A_BLOCK = 48,
  COLUMNS_OF_A_BLOCK = 64,
  ENOUGH_TASKS = 8,
  ELEMENTS_OF_A_SUM_TASK = 4096,
};

struct weight_plan {
  size_t rows, columns, taps;
  /// Output rows of all images, of a chunk, of a part.
  size_t lines, lines_of_chunk, lines_of_part;
  size_t row_blocks, parts;
  /// Chunks are not copied.
  bool is_in_place;
  /// From row to row of a copied chunk.
  size_t stride;
};

static bool is_pointwise(const struct ir_conv2d_params *p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_y == 1 && p->stride_x == 1 &&
    p->pad_top == 0 && p->pad_left == 0 && p->output_height == p->input_height &&
    p->output_width == p->input_width;
}

static struct weight_plan plan_of(const struct ir_conv2d_params *p) {
  struct weight_plan plan = {.rows = p->output_channels / p->groups};
  plan.taps = p->kernel_height * p->kernel_width;
  plan.columns = p->input_channels / p->groups * plan.taps;
  plan.lines = p->batch * p->output_height;
  plan.is_in_place = is_pointwise(p) && p->output_height * p->output_width >= DEPTH_OF_A_CHUNK;
  size_t enough = plan.is_in_place ? DEPTH_OF_A_CHUNK : DEPTH_OF_A_COPIED_CHUNK;
  plan.lines_of_chunk = ir_larger(1, enough / ir_larger(1, p->output_width));
  plan.row_blocks = ir_ceiling_divide(plan.rows, ROWS_OF_A_BLOCK);
  size_t chunks = ir_larger(1, ir_ceiling_divide(plan.lines, plan.lines_of_chunk));
  size_t wanted = ir_ceiling_divide(ENOUGH_TASKS, ir_larger(1, p->groups * plan.row_blocks));
  size_t chunks_of_part = ir_ceiling_divide(chunks, ir_smaller(wanted, chunks));
  plan.parts = ir_ceiling_divide(chunks, chunks_of_part);
  plan.lines_of_part = chunks_of_part * plan.lines_of_chunk;
  size_t depth = ir_smaller(plan.lines_of_chunk, ir_larger(1, plan.lines)) * p->output_width;
  // An odd number of cache lines.
  plan.stride = (ir_ceiling_divide(depth, 16) | 1) * 16;
  return plan;
}

static size_t block_rows(const struct weight_plan *plan) { return ir_smaller(ROWS_OF_A_BLOCK, plan->rows); }
// A worker's copies.
static size_t worker_count(const struct weight_plan *plan) {
  if (plan->is_in_place) return 0;
  return (block_rows(plan) + ir_smaller(COLUMNS_OF_A_BLOCK, plan->columns)) * plan->stride;
}
static size_t partial_count(const struct ir_conv2d_params *p, const struct weight_plan *plan) {
  return plan->parts == 1 ? 0 : ir_aligned_count(p->groups * plan->parts * plan->rows * plan->columns);
}

size_t ir_conv2d_weight_gradient_workspace(const struct ir_conv2d_params *p, int threads) {
  if (ir_is_plain_depthwise(p)) return ir_depthwise_gradient_workspace(p, threads);
  struct weight_plan plan = plan_of(p);
  return (partial_count(p, &plan) + (size_t)threads * worker_count(&plan)) * sizeof(float);
}

struct weight_context {
  const struct ir_conv2d_params *params;
  struct weight_plan plan;
  const float *input, *cotangent;
  float *partial, *workers, *output;
};

// The input under one tap at `rows` output rows from `first` on; zeros outside.
static void copy_window(
  const struct ir_conv2d_params *p, const float *plane, size_t tap, size_t first, size_t rows,
  float *window) {
  const size_t width = p->output_width, stride = p->stride_x;
  size_t shift = tap % p->kernel_width * p->dilation_x;
  // First and last x whose x * stride + shift - pad_left lies in the row.
  size_t x0 = shift < p->pad_left ? ir_ceiling_divide(p->pad_left - shift, stride) : 0;
  size_t x1 = p->input_width + p->pad_left > shift
    ? ir_ceiling_divide(p->input_width + p->pad_left - shift, stride)
    : 0;
  x1 = ir_smaller(x1, width);
  for (size_t y = first; y < first + rows; y++, window += width) {
    size_t padded = y * p->stride_y + tap / p->kernel_width * p->dilation_y;
    if (x0 >= x1 || padded < p->pad_top || padded - p->pad_top >= p->input_height) {
      memset(window, 0, width * sizeof *window);
      continue;
    }
    const float *row = plane + (padded - p->pad_top) * p->input_width;
    memset(window, 0, x0 * sizeof *window);
    memset(window + x1, 0, (width - x1) * sizeof *window);
    const float *source = row + (x0 * stride + shift - p->pad_left);
    if (stride == 1) memcpy(window + x0, source, (x1 - x0) * sizeof *window);
    else
      for (size_t x = x0; x < x1; x++) window[x] = source[(x - x0) * stride];
  }
}

// Lines first ..< last of row or column `index` of a group, image by image.
static void copy_cotangent(
  const struct weight_context *c, size_t channel, size_t first, size_t last, float *target) {
  const struct ir_conv2d_params *p = c->params;
  const size_t height = p->output_height, width = p->output_width;
  for (size_t line = first, count; line < last; line += count, target += count * width) {
    size_t image = line / height, y = line % height;
    count = ir_smaller(last - line, height - y);
    const float *plane = c->cotangent + (image * p->output_channels + channel) * height * width;
    memcpy(target, plane + y * width, count * width * sizeof *target);
  }
}

static void copy_input(
  const struct weight_context *c, size_t channel, size_t tap, size_t first, size_t last, float *target) {
  const struct ir_conv2d_params *p = c->params;
  const size_t height = p->output_height, width = p->output_width;
  const bool is_plain = is_pointwise(p);
  for (size_t line = first, count; line < last; line += count, target += count * width) {
    size_t image = line / height, y = line % height;
    count = ir_smaller(last - line, height - y);
    const float *plane = c->input + (image * p->input_channels + channel) * p->input_height * p->input_width;
    if (is_plain) memcpy(target, plane + y * width, count * width * sizeof *target);
    else copy_window(p, plane, tap, y, count, target);
  }
}

// The sums over lines begin ..< end of `rows` rows of a group, from row `start` on, into `target`.
static void sum_in_place(
  const struct weight_context *c, size_t group, size_t start, size_t rows, size_t begin, size_t end,
  float *target) {
  const struct ir_conv2d_params *p = c->params;
  const struct weight_plan *plan = &c->plan;
  const size_t height = p->output_height, width = p->output_width, plane = height * width;
  for (size_t line = begin, count; line < end; line += count) {
    size_t image = line / height, y = line % height;
    count = ir_smaller(ir_smaller(plan->lines_of_chunk, height - y), end - line);
    size_t left = image * p->output_channels + group * plan->rows + start;
    size_t right = image * p->input_channels + group * plan->columns;
    ir_kernels()->f32_dot_products(
      rows, plan->columns, count * width, c->cotangent + left * plane + y * width, plane,
      c->input + right * plane + y * width, plane, target, plan->columns, line > begin);
  }
}

// The sums of a part, of a block of rows of a group.
static void run_part(const void *context, size_t index, int thread) {
  const struct weight_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const struct weight_plan *plan = &c->plan;
  const size_t row_start = index % plan->row_blocks * ROWS_OF_A_BLOCK;
  const size_t group_part = index / plan->row_blocks, group = group_part / plan->parts;
  const size_t begin = group_part % plan->parts * plan->lines_of_part;
  const size_t end = ir_smaller(begin + plan->lines_of_part, plan->lines);
  const size_t rows = ir_smaller(ROWS_OF_A_BLOCK, plan->rows - row_start);
  float *target = plan->parts == 1 ? c->output + group * plan->rows * plan->columns
                                   : c->partial + group_part * plan->rows * plan->columns;
  target += row_start * plan->columns;
  float *left = c->workers + (size_t)thread * worker_count(plan);
  float *right = left + block_rows(plan) * plan->stride;
  if (begin >= end) memset(target, 0, rows * plan->columns * sizeof *target);
  if (plan->is_in_place) {
    sum_in_place(c, group, row_start, rows, begin, end, target);
    return;
  }
  for (size_t line = begin, last; line < end; line = last) {
    last = ir_smaller(line + plan->lines_of_chunk, end);
    for (size_t i = 0; i < rows; i++)
      copy_cotangent(c, group * plan->rows + row_start + i, line, last, left + i * plan->stride);
    for (size_t j = 0; j < plan->columns; j += COLUMNS_OF_A_BLOCK) {
      size_t columns = ir_smaller(COLUMNS_OF_A_BLOCK, plan->columns - j);
      for (size_t k = 0; k < columns; k++) {
        size_t channel = group * (plan->columns / plan->taps) + (j + k) / plan->taps;
        copy_input(c, channel, (j + k) % plan->taps, line, last, right + k * plan->stride);
      }
      ir_kernels()->f32_dot_products(
        rows, columns, (last - line) * p->output_width, left, plan->stride, right, plan->stride, target + j,
        plan->columns, line > begin);
    }
  }
}

// Output elements are (group, row, column).
static void sum_parts(const void *context, size_t index, int thread) {
  (void)thread;
  const struct weight_context *c = context;
  const struct weight_plan *plan = &c->plan;
  const size_t size = plan->rows * plan->columns;
  size_t end = ir_smaller((index + 1) * ELEMENTS_OF_A_SUM_TASK, c->params->groups * size);
  for (size_t i = index * ELEMENTS_OF_A_SUM_TASK; i < end; i++) {
    const float *partial = c->partial + i / size * plan->parts * size + i % size;
    float sum = 0;
    for (size_t part = 0; part < plan->parts; part++) sum += partial[part * size];
    c->output[i] = sum;
  }
}

void ir_conv2d_weight_gradient(
  const struct ir_conv2d_params *params, const float *input, const float *cotangent, float *output,
  void *workspace, int threads) {
  if (ir_is_plain_depthwise(params)) {
    ir_depthwise_gradient(params, input, cotangent, output, workspace, threads);
    return;
  }
  struct weight_context context = {
    .params = params,
    .plan = plan_of(params),
    .input = input,
    .cotangent = cotangent,
    .partial = workspace,
    .output = output,
  };
  const struct weight_plan *plan = &context.plan;
  context.workers = context.partial + partial_count(params, plan);
  size_t count = params->output_channels * plan->columns;
  if (!count) return;
  ir_parallel_for(params->groups * plan->parts * plan->row_blocks, threads, run_part, &context);
  if (plan->parts == 1) return;
  ir_parallel_for(ir_ceiling_divide(count, ELEMENTS_OF_A_SUM_TASK), threads, sum_parts, &context);
}
