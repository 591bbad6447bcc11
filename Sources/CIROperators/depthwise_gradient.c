#include "depthwise_gradient.h"

#include <string.h>

#include "depthwise.h"
#include "parallel.h"

// At 3x3 the planes are read where they are. Otherwise both are copied to rows of the same length, the
// output's width and one kernel less one: the input with its padding, the cotangent with zeros behind. Every
// tap is then one long dot product of the whole planes.

enum { WIDEST_KERNEL = 8 };

bool ir_is_plain_depthwise(const struct ir_conv2d_params *p) {
  return ir_is_depthwise(p) && p->stride_y == 1 && p->stride_x == 1 && p->dilation_y == 1 &&
    p->dilation_x == 1 && p->kernel_width <= WIDEST_KERNEL && p->kernel_height <= WIDEST_KERNEL;
}

static bool is_in_place(const struct ir_conv2d_params *p) {
  return p->kernel_height == 3 && p->kernel_width == 3 && p->pad_top == 1 && p->pad_left == 1 &&
    p->output_height == p->input_height && p->output_width == p->input_width;
}

static size_t row_length(const struct ir_conv2d_params *p) { return p->output_width + p->kernel_width - 1; }
static size_t input_count(const struct ir_conv2d_params *p) {
  // A vector's reach behind the last tap.
  return ir_aligned_count((p->output_height + p->kernel_height) * row_length(p) + 64);
}
static size_t cotangent_count(const struct ir_conv2d_params *p) {
  return ir_aligned_count(p->output_height * row_length(p) + 64);
}

size_t ir_depthwise_gradient_workspace(const struct ir_conv2d_params *p, int threads) {
  if (is_in_place(p)) return ir_aligned_count(p->input_width) * sizeof(float);
  return (size_t)threads * (input_count(p) + cotangent_count(p)) * sizeof(float);
}

struct depthwise_context {
  const struct ir_conv2d_params *params;
  const float *input, *cotangent;
  float *output, *workspace;
};

static void copy_input(const struct ir_conv2d_params *p, const float *plane, float *padded) {
  const size_t length = row_length(p);
  memset(padded, 0, input_count(p) * sizeof *padded);
  size_t left = ir_smaller(p->pad_left, length);
  size_t width = ir_smaller(p->input_width, length - left);
  for (size_t y = 0; y < p->output_height + p->kernel_height - 1; y++) {
    if (y < p->pad_top || y - p->pad_top >= p->input_height) continue;
    memcpy(padded + y * length + left, plane + (y - p->pad_top) * p->input_width, width * sizeof *padded);
  }
}

static void run_channel_in_place(const void *context, size_t channel, int thread) {
  (void)thread;
  const struct depthwise_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const size_t plane = p->input_height * p->input_width;
  size_t source = channel / (p->output_channels / p->groups);
  double sums[9] = {0};
  for (size_t image = 0; image < p->batch; image++) {
    float own[9];
    ir_kernels()->f32_depthwise_gradient_3x3(
      p->input_height, p->input_width, c->input + (image * p->input_channels + source) * plane,
      c->cotangent + (image * p->output_channels + channel) * plane, c->workspace, own);
    for (size_t i = 0; i < 9; i++) sums[i] += own[i];
  }
  for (size_t i = 0; i < 9; i++) c->output[channel * 9 + i] = (float)sums[i];
}

static void run_channel(const void *context, size_t channel, int thread) {
  const struct depthwise_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t length = row_length(p), plane = p->output_height * p->output_width;
  float *padded = c->workspace + (size_t)thread * (input_count(p) + cotangent_count(p));
  float *spread = padded + input_count(p);
  double sums[WIDEST_KERNEL * WIDEST_KERNEL] = {0};
  size_t source = channel / (p->output_channels / p->groups);
  memset(spread, 0, cotangent_count(p) * sizeof *spread);
  for (size_t image = 0; image < p->batch; image++) {
    copy_input(p, c->input + (image * p->input_channels + source) * p->input_height * p->input_width, padded);
    const float *cotangent = c->cotangent + (image * p->output_channels + channel) * plane;
    for (size_t y = 0; y < p->output_height; y++)
      memcpy(spread + y * length, cotangent + y * p->output_width, p->output_width * sizeof *spread);
    for (size_t ky = 0; ky < p->kernel_height; ky++) {
      float dots[WIDEST_KERNEL];
      kernels->f32_correlate(p->output_height * length, p->kernel_width, spread, padded + ky * length, dots);
      for (size_t kx = 0; kx < p->kernel_width; kx++) sums[ky * p->kernel_width + kx] += dots[kx];
    }
  }
  const size_t taps = p->kernel_height * p->kernel_width;
  for (size_t i = 0; i < taps; i++) c->output[channel * taps + i] = (float)sums[i];
}

void ir_depthwise_gradient(
  const struct ir_conv2d_params *params, const float *input, const float *cotangent, float *output,
  void *workspace, int threads) {
  struct depthwise_context context = {params, input, cotangent, output, workspace};
  bool in_place = is_in_place(params);
  if (in_place) memset(workspace, 0, params->input_width * sizeof(float));
  ir_parallel_for(params->output_channels, threads, in_place ? run_channel_in_place : run_channel, &context);
}
