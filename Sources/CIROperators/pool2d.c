#include <math.h>

#include "ir_kernels.h"
#include "ir_resampling.h"
#include "parallel.h"

enum { ROWS_OF_A_TASK = 32 };

struct pool_context {
  const struct ir_pool2d_params *params;
  const float *input;
  float *output;
  size_t row_blocks;
};

// How many taps of the window at `o` fall into [low, high), in padded coordinates.
static size_t taps_within(size_t o, size_t stride, size_t kernel, size_t dilation, size_t low, size_t high) {
  size_t count = 0;
  for (size_t k = 0; k < kernel; k++) {
    size_t at = o * stride + k * dilation;
    count += at >= low && at < high;
  }
  return count;
}

static void divide_row(const struct ir_pool2d_params *p, size_t y, float *output) {
  const size_t low_y = p->counts_padding ? 0 : p->pad_top;
  const size_t low_x = p->counts_padding ? 0 : p->pad_left;
  const size_t high_y = p->pad_top + p->input_height + (p->counts_padding ? p->pad_bottom : 0);
  const size_t high_x = p->pad_left + p->input_width + (p->counts_padding ? p->pad_right : 0);
  size_t rows = taps_within(y, p->stride_y, p->kernel_height, p->dilation_y, low_y, high_y);
  for (size_t x = 0; x < p->output_width; x++) {
    size_t columns = taps_within(x, p->stride_x, p->kernel_width, p->dilation_x, low_x, high_x);
    output[x] /= (float)(rows * columns);
  }
}

static void pool_row(const struct ir_pool2d_params *p, const float *plane, size_t y, float *output) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t width = p->output_width, stride = p->stride_x;
  const bool is_maximum = p->kind == IR_POOLING_MAX;
  for (size_t x = 0; x < width; x++) output[x] = is_maximum ? -INFINITY : 0;
  for (size_t ky = 0; ky < p->kernel_height; ky++) {
    size_t padded_y = y * p->stride_y + ky * p->dilation_y;
    if (padded_y < p->pad_top || padded_y - p->pad_top >= p->input_height) continue;
    const float *row = plane + (padded_y - p->pad_top) * p->input_width;
    for (size_t kx = 0; kx < p->kernel_width; kx++) {
      size_t shift = kx * p->dilation_x;
      if (p->input_width + p->pad_left <= shift) continue;
      size_t x0 = shift < p->pad_left ? ir_ceiling_divide(p->pad_left - shift, stride) : 0;
      size_t x1 = ir_ceiling_divide(p->input_width + p->pad_left - shift, stride);
      x1 = ir_smaller(x1, width);
      if (x0 >= x1) continue;
      const float *source = row + (x0 * stride + shift - p->pad_left);
      if (is_maximum) kernels->f32_accumulate_maximum(x1 - x0, source, stride, output + x0);
      else kernels->f32_accumulate(x1 - x0, 1, source, stride, output + x0);
    }
  }
  if (!is_maximum) divide_row(p, y, output);
}

static void run_task(const void *context, size_t index, int thread) {
  (void)thread;
  const struct pool_context *c = context;
  const struct ir_pool2d_params *p = c->params;
  size_t plane = index / c->row_blocks, start = index % c->row_blocks * ROWS_OF_A_TASK;
  size_t end = ir_smaller(start + ROWS_OF_A_TASK, p->output_height);
  const float *input = c->input + plane * p->input_height * p->input_width;
  for (size_t y = start; y < end; y++)
    pool_row(p, input, y, c->output + (plane * p->output_height + y) * p->output_width);
}

void ir_pool2d(const struct ir_pool2d_params *params, const float *input, float *output, int threads) {
  struct pool_context c = {
    params,
    input,
    output,
    ir_ceiling_divide(params->output_height, ROWS_OF_A_TASK),
  };
  if (params->output_width) ir_parallel_for(params->planes * c.row_blocks, threads, run_task, &c);
}
