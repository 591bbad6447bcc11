#include <assert.h>

#include "apply.h"
#include "ir_convolution.h"
#include "parallel.h"

// Feature maps of one pixel are vectors: each output channel is the product of a row of the weights, where
// they lie, with them.

struct pixel_context {
  const struct ir_conv2d_params *params;
  size_t parts;
  const float *input, *bias, *residual;
  struct ir_weights weights;
  float *output, *workspace;
};

// Weights that are worth a thread.
enum { WEIGHTS_OF_A_TASK = 1 << 15 };

bool ir_conv2d_is_pixel(const struct ir_conv2d_params *p) {
  return p->input_height == 1 && p->input_width == 1 && p->output_height == 1 && p->output_width == 1 &&
    p->kernel_height == 1 && p->kernel_width == 1 && p->pad_top == 0 && p->pad_left == 0 && p->groups == 1;
}

static size_t part_count(const struct ir_conv2d_params *p) {
  return ir_ceiling_divide(p->output_channels * p->input_channels, WEIGHTS_OF_A_TASK);
}

// Floats that a thread widens the weights of a part in.
static size_t thread_count(const struct ir_conv2d_params *p) {
  const size_t parts = part_count(p);
  return parts ? ir_aligned_count((p->output_channels / parts + 1) * p->input_channels) : 0;
}

size_t ir_conv2d_pixel_workspace(const struct ir_conv2d_params *p, bool is_half, int threads) {
  return is_half ? (size_t)threads * thread_count(p) * sizeof(float) : 0;
}

// The weights of output channels from `first` on.
static const float *weights_of(const struct pixel_context *c, size_t first, size_t channels, int thread) {
  const size_t depth = c->params->input_channels;
  if (!c->weights.is_half) return (const float *)c->weights.numbers + first * depth;
  float *values = c->workspace + (size_t)thread * thread_count(c->params);
  ir_kernels()->f32_from_f16(channels * depth, (const uint16_t *)c->weights.numbers + first * depth, values);
  return values;
}

static void run_part(const void *context, size_t index, int thread) {
  const struct pixel_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const size_t depth = p->input_channels, channels = p->output_channels;
  const size_t first = channels * index / c->parts, last = channels * (index + 1) / c->parts;
  const bool is_in_place = c->residual == c->output;
  ir_kernels()->f32_dot_products(
    p->batch, last - first, depth, c->input, depth, weights_of(c, first, last - first, thread), depth,
    c->output + first, channels, is_in_place);
  for (size_t image = 0; image < p->batch; image++)
    for (size_t i = first; i < last; i++) {
      float *output = &c->output[image * channels + i];
      float sum = *output + (c->bias ? c->bias[i] : 0);
      if (c->residual && !is_in_place) sum += c->residual[image * channels + i];
      *output = p->activation == IR_ACTIVATION_RELU && sum < 0 ? 0 : sum;
    }
  ir_apply(p->function, p->p, p->q, p->batch, last - first, c->output + first, channels);
}

void ir_conv2d_pixel(
  const struct ir_conv2d_params *params, const float *input, struct ir_weights weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  assert(ir_conv2d_is_pixel(params) && params->input_channels > 0);
  assert(params->activation == IR_ACTIVATION_NONE || params->activation == IR_ACTIVATION_RELU);
  struct pixel_context context = {
    .params = params,
    .parts = part_count(params),
    .input = input,
    .bias = bias,
    .residual = residual,
    .weights = weights,
    .output = output,
    .workspace = workspace,
  };
  if (params->batch) ir_parallel_for(context.parts, threads, run_part, &context);
}
