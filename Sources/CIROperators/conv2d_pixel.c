#include <assert.h>

#include "ir_convolution.h"
#include "parallel.h"

// Feature maps of one pixel are vectors: each output channel is the product of a row of the weights, where
// they lie, with them.

struct pixel_context {
  const struct ir_conv2d_params *params;
  size_t parts;
  const float *input, *weights, *bias, *residual;
  float *output;
};

// Weights that are worth a thread.
enum { WEIGHTS_OF_A_TASK = 1 << 15 };

bool ir_conv2d_is_pixel(const struct ir_conv2d_params *p) {
  return p->input_height == 1 && p->input_width == 1 && p->output_height == 1 && p->output_width == 1 &&
    p->kernel_height == 1 && p->kernel_width == 1 && p->pad_top == 0 && p->pad_left == 0 && p->groups == 1;
}

static void run_part(const void *context, size_t index, int thread) {
  (void)thread;
  const struct pixel_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const size_t depth = p->input_channels, channels = p->output_channels;
  const size_t first = channels * index / c->parts, last = channels * (index + 1) / c->parts;
  const bool is_in_place = c->residual == c->output;
  ir_kernels()->f32_dot_products(
    p->batch, last - first, depth, c->input, depth, c->weights + first * depth, depth, c->output + first,
    channels, is_in_place);
  for (size_t image = 0; image < p->batch; image++)
    for (size_t i = first; i < last; i++) {
      float *output = &c->output[image * channels + i];
      float sum = *output + (c->bias ? c->bias[i] : 0);
      if (c->residual && !is_in_place) sum += c->residual[image * channels + i];
      *output = p->activation == IR_ACTIVATION_RELU && sum < 0 ? 0 : sum;
    }
}

void ir_conv2d_pixel(
  const struct ir_conv2d_params *params, const float *input, const float *weights, const float *bias,
  const float *residual, float *output, int threads) {
  assert(ir_conv2d_is_pixel(params) && params->input_channels > 0);
  assert(params->activation == IR_ACTIVATION_NONE || params->activation == IR_ACTIVATION_RELU);
  const size_t count = params->output_channels * params->input_channels;
  struct pixel_context context = {
    params, ir_ceiling_divide(count, WEIGHTS_OF_A_TASK), input, weights, bias, residual, output,
  };
  if (params->batch) ir_parallel_for(context.parts, threads, run_part, &context);
}
