#include "depthwise.h"

#include <string.h>

#include "parallel.h"

enum { ROWS_OF_A_TASK = 64 };

struct depthwise_context {
  const struct ir_conv2d_params *params;
  const float *input, *weights, *bias, *residual;
  float *output, *workspace;
  size_t row_blocks;
};

bool ir_is_depthwise(const struct ir_conv2d_params *p) {
  return p->groups > 1 && p->input_channels == p->groups;
}

// A worker's row: zeros for the 3x3 kernel, an accumulator for the others.
static size_t row_count(const struct ir_conv2d_params *p) {
  return ir_aligned_count(ir_larger(p->input_width, p->output_width));
}

size_t ir_depthwise_workspace(const struct ir_conv2d_params *p, int threads) {
  return (size_t)threads * row_count(p) * sizeof(float);
}

static bool is_3x3(const struct ir_conv2d_params *p) {
  return p->kernel_height == 3 && p->kernel_width == 3 && p->stride_y == 1 && p->stride_x == 1 &&
    p->dilation_y == 1 && p->dilation_x == 1 && p->pad_top == 1 && p->pad_left == 1 &&
    p->output_height == p->input_height && p->output_width == p->input_width;
}

struct plane {
  const float *input, *weights, *residual;
  float bias;
  float *output, *row;
};

static void rows_3x3(const struct ir_conv2d_params *p, const struct plane *plane, size_t start, size_t end) {
  const size_t width = p->input_width, height = p->input_height;
  struct ir_depthwise_rows rows = {
    .width = width,
    .weights = plane->weights,
    .bias = plane->bias,
    .activation = p->activation,
  };
  for (size_t y = start; y < end; y += rows.count) {
    rows.count = ir_smaller(2, end - y);
    for (size_t i = 0; i < rows.count + 2; i++) {
      bool inside = y + i >= 1 && y + i - 1 < height;
      rows.rows[i] = inside ? plane->input + (y + i - 1) * width : plane->row;
    }
    for (size_t i = 0; i < rows.count; i++) {
      rows.residual[i] = plane->residual ? plane->residual + (y + i) * width : NULL;
      rows.output[i] = plane->output + (y + i) * width;
    }
    ir_kernels()->f32_depthwise_3x3(&rows);
  }
}

static void row_general(const struct ir_conv2d_params *p, const struct plane *plane, size_t y) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t width = p->output_width, stride = p->stride_x;
  memset(plane->row, 0, width * sizeof(float));
  for (size_t ky = 0; ky < p->kernel_height; ky++) {
    size_t padded_y = y * p->stride_y + ky * p->dilation_y;
    if (padded_y < p->pad_top || padded_y - p->pad_top >= p->input_height) continue;
    const float *row = plane->input + (padded_y - p->pad_top) * p->input_width;
    for (size_t kx = 0; kx < p->kernel_width; kx++) {
      size_t shift = kx * p->dilation_x;
      // First and last x whose x * stride + shift - pad_left lies in the row.
      size_t x0 = shift < p->pad_left ? ir_ceiling_divide(p->pad_left - shift, stride) : 0;
      if (p->input_width + p->pad_left <= shift) continue;
      size_t x1 = ir_ceiling_divide(p->input_width + p->pad_left - shift, stride);
      x1 = ir_smaller(x1, width);
      if (x0 >= x1) continue;
      kernels->f32_accumulate(
        x1 - x0, plane->weights[ky * p->kernel_width + kx], row + (x0 * stride + shift - p->pad_left), stride,
        plane->row + x0);
    }
  }
  const float *residual = plane->residual ? plane->residual + y * width : NULL;
  kernels->f32_scale_shift(
    width, plane->row, 1, plane->bias, residual, p->activation, plane->output + y * width);
}

static void run_task(const void *context, size_t index, int thread) {
  const struct depthwise_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  size_t start = index % c->row_blocks * ROWS_OF_A_TASK, image_channel = index / c->row_blocks;
  size_t image = image_channel / p->output_channels, channel = image_channel % p->output_channels;
  size_t end = ir_smaller(start + ROWS_OF_A_TASK, p->output_height);
  size_t source = channel / (p->output_channels / p->groups) + image * p->input_channels;
  size_t output = image_channel * p->output_height * p->output_width;
  struct plane plane = {
    .input = c->input + source * p->input_height * p->input_width,
    .weights = c->weights + channel * p->kernel_height * p->kernel_width,
    .residual = c->residual ? c->residual + output : NULL,
    .bias = c->bias ? c->bias[channel] : 0,
    .output = c->output + output,
    .row = c->workspace + (size_t)thread * row_count(p),
  };
  if (is_3x3(p)) {
    memset(plane.row, 0, p->input_width * sizeof(float));
    rows_3x3(p, &plane, start, end);
  } else {
    for (size_t y = start; y < end; y++) row_general(p, &plane, y);
  }
}

void ir_depthwise(
  const struct ir_conv2d_params *params, const float *input, const float *weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  struct depthwise_context context = {
    params,   input,  weights,   bias,
    residual, output, workspace, ir_ceiling_divide(params->output_height, ROWS_OF_A_TASK),
  };
  if (!params->output_width) return;
  size_t tasks = params->batch * params->output_channels * context.row_blocks;
  ir_parallel_for(tasks, threads, run_task, &context);
}
