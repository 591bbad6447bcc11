#ifndef IR_DEPTHWISE_GRADIENT_H
#define IR_DEPTHWISE_GRADIENT_H

#include <stdbool.h>

#include "ir_convolution.h"

/// Depthwise at unit stride and dilation, with a kernel that is not wide: planes are correlated one by one.
bool ir_is_plain_depthwise(const struct ir_conv2d_params *params);

size_t ir_depthwise_gradient_workspace(const struct ir_conv2d_params *params, int threads);

/// The weight's derivative, [output_channels, 1, kernel_height, kernel_width].
void ir_depthwise_gradient(
  const struct ir_conv2d_params *params, const float *input, const float *cotangent, float *output,
  void *workspace, int threads);

#endif
