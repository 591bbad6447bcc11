#ifndef IR_GRADIENTS_H
#define IR_GRADIENTS_H

#include <stddef.h>

#include "ir_convolution.h"
#include "ir_reduction.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The derivative of a convolution by its weights: for each weight the sum over images and output pixels of
/// the cotangent times the input that the weight met. `activation` is not looked at.
///
/// `input` and `cotangent` have the shapes of the convolution's input and output; `output`
/// [output_channels, input_channels / groups, kernel_height, kernel_width].
void ir_conv2d_weight_gradient(
  const struct ir_conv2d_params *params, const float *input, const float *cotangent, float *output,
  void *workspace, int threads);

size_t ir_conv2d_weight_gradient_workspace(const struct ir_conv2d_params *params, int threads);

struct ir_layer_normalization_gradient_params {
  struct ir_axis_view view;
  float epsilon;
};

/// The derivatives of a layer normalization along `axis`. `scale` [axis] or NULL; `output` of the input's
/// shape, to which `addend` is added, which is NULL or may be `output`; `scale_gradient` and `bias_gradient`
/// [axis].
void ir_layer_normalization_gradient(
  const struct ir_layer_normalization_gradient_params *params, const float *input, const float *cotangent,
  const float *scale, const float *addend, float *output, float *scale_gradient, float *bias_gradient,
  void *workspace, int threads);

size_t ir_layer_normalization_gradient_workspace(
  const struct ir_layer_normalization_gradient_params *params, int threads);

#ifdef __cplusplus
}
#endif

#endif
