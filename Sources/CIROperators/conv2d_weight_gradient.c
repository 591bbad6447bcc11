#include <string.h>

#include "depthwise.h"
#include "depthwise_gradient.h"
#include "ir_kernels.h"
#include "ir_gradients.h"
#include "parallel.h"

// One group of one part of an image is a product: rows are output channels, columns (channel, tap),
// depth the part's output pixels. Parts are whole output rows; their sums are added in order.
// Both operands lie with the pixels next to each other, so the product is one of dot products.
enum {
  ENOUGH_TASKS = 8,
  DEPTH_OF_A_CHUNK = 1024,
  /// Windows that are copied at once, where the kernel is larger than a pixel.
  COLUMNS_OF_A_BLOCK = 16,
  ELEMENTS_OF_A_SUM_TASK = 4096,
};

struct weight_plan {
  size_t rows, columns, taps, row_parts, rows_of_part, rows_of_chunk, tasks;
};

static struct weight_plan plan_of(const struct ir_conv2d_params *p) {
  struct weight_plan plan = {.rows = p->output_channels / p->groups};
  plan.taps = p->kernel_height * p->kernel_width;
  plan.columns = p->input_channels / p->groups * plan.taps;
  size_t images = p->batch * p->groups;
  size_t parts = images ? ir_ceiling_divide(ENOUGH_TASKS, images) : 1;
  plan.row_parts = ir_larger(1, ir_smaller(parts, p->output_height));
  plan.rows_of_part = ir_ceiling_divide(p->output_height, plan.row_parts);
  plan.rows_of_chunk = ir_larger(1, DEPTH_OF_A_CHUNK / ir_larger(1, p->output_width));
  plan.tasks = images * plan.row_parts;
  return plan;
}

static size_t chunk_depth(const struct ir_conv2d_params *p, const struct weight_plan *plan) {
  return ir_smaller(plan->rows_of_chunk, plan->rows_of_part) * p->output_width;
}

// A worker's windows.
static size_t worker_count(const struct ir_conv2d_params *p, const struct weight_plan *plan) {
  return ir_aligned_count(COLUMNS_OF_A_BLOCK * chunk_depth(p, plan));
}
static size_t partial_count(const struct weight_plan *plan) {
  return ir_aligned_count(plan->tasks * plan->rows * plan->columns);
}

size_t ir_conv2d_weight_gradient_workspace(const struct ir_conv2d_params *p, int threads) {
  if (ir_is_plain_depthwise(p)) return ir_depthwise_gradient_workspace(p, threads);
  struct weight_plan plan = plan_of(p);
  return (partial_count(&plan) + (size_t)threads * worker_count(p, &plan)) * sizeof(float);
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

static bool is_pointwise(const struct ir_conv2d_params *p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_y == 1 && p->stride_x == 1 &&
         p->pad_top == 0 && p->pad_left == 0 && p->output_height == p->input_height &&
         p->output_width == p->input_width;
}

static void run_part(const void *context, size_t index, int thread) {
  const struct weight_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const struct weight_plan *plan = &c->plan;
  size_t part = index % plan->row_parts, image_group = index / plan->row_parts;
  size_t end = ir_smaller((part + 1) * plan->rows_of_part, p->output_height);
  const size_t plane = p->output_height * p->output_width;
  const float *cotangent = c->cotangent + image_group * plan->rows * plane;
  const float *input = c->input + image_group * (p->input_channels / p->groups) *
                                    p->input_height * p->input_width;
  float *partial = c->partial + index * plan->rows * plan->columns;
  float *windows = c->workers + (size_t)thread * worker_count(p, plan);
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t input_plane = p->input_height * p->input_width;
  size_t begin = part * plan->rows_of_part;
  if (begin >= end) memset(partial, 0, plan->rows * plan->columns * sizeof *partial);
  for (size_t y = begin; y < end; y += plan->rows_of_chunk) {
    size_t rows = ir_smaller(plan->rows_of_chunk, end - y), depth = rows * p->output_width;
    const float *left = cotangent + y * p->output_width;
    if (is_pointwise(p)) {
      kernels->f32_dot_products(
        plan->rows, plan->columns, depth, left, plane, input + y * p->output_width, input_plane,
        partial, plan->columns, y > begin);
      continue;
    }
    for (size_t j = 0; j < plan->columns; j += COLUMNS_OF_A_BLOCK) {
      size_t columns = ir_smaller(COLUMNS_OF_A_BLOCK, plan->columns - j);
      for (size_t k = 0; k < columns; k++) {
        size_t channel = (j + k) / plan->taps, tap = (j + k) % plan->taps;
        copy_window(p, input + channel * input_plane, tap, y, rows, windows + k * depth);
      }
      kernels->f32_dot_products(
        plan->rows, columns, depth, left, plane, windows, depth, partial + j, plan->columns,
        y > begin);
    }
  }
}

// Output elements are (group, row, column); the parts of a group are tasks image by image.
static void sum_parts(const void *context, size_t index, int thread) {
  (void)thread;
  const struct weight_context *c = context;
  const struct weight_plan *plan = &c->plan;
  const size_t groups = c->params->groups, size = plan->rows * plan->columns;
  size_t end = ir_smaller((index + 1) * ELEMENTS_OF_A_SUM_TASK, groups * size);
  for (size_t i = index * ELEMENTS_OF_A_SUM_TASK; i < end; i++) {
    size_t group = i / size, element = i % size;
    float sum = 0;
    for (size_t image = 0; image < c->params->batch; image++)
      for (size_t part = 0; part < plan->row_parts; part++)
        sum += c->partial[((image * groups + group) * plan->row_parts + part) * size + element];
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
    .params = params, .plan = plan_of(params), .input = input, .cotangent = cotangent,
    .partial = workspace, .output = output,
  };
  const struct weight_plan *plan = &context.plan;
  context.workers = context.partial + partial_count(plan);
  size_t count = params->output_channels * plan->columns;
  if (!count) return;
  ir_parallel_for(plan->tasks, threads, run_part, &context);
  ir_parallel_for(
    ir_ceiling_divide(count, ELEMENTS_OF_A_SUM_TASK), threads, sum_parts, &context);
}
