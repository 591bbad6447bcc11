#ifndef IR_DEPTHWISE_H
#define IR_DEPTHWISE_H

#include <stdbool.h>

#include "ir_convolution.h"

/// Each output channel reads one input channel: planes are convolved one by one.
bool ir_is_depthwise(const struct ir_conv2d_params *params);

size_t ir_depthwise_workspace(const struct ir_conv2d_params *params, int threads);

/// Weights as they are: [output_channels, 1, kernel_height, kernel_width].
void ir_depthwise(
  const struct ir_conv2d_params *params, const float *input, const float *weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

/// Whether ir_depthwise has a channel in each lane of a vector. The bits are the same either way.
bool ir_depthwise_goes_by_lanes(const struct ir_conv2d_params *params);

size_t ir_depthwise_lanes_workspace(const struct ir_conv2d_params *params, int threads);

/// As ir_depthwise, which calls it.
void ir_depthwise_by_lanes(
  const struct ir_conv2d_params *params, const float *input, const float *weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

#endif
