#ifndef IR_CONVOLUTION_H
#define IR_CONVOLUTION_H

#include <stddef.h>

#include "ir_kernels.h"
#include "ir_weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Orders of weights that drivers read.
enum ir_packing {
  IR_PACKING_PANELS,
  IR_PACKING_CONVOLUTION,
  IR_PACKING_TRANSPOSED,
  IR_PACKING_WINOGRAD,
  IR_PACKING_PAIRS,
  IR_PACKING_WINOGRAD_PAIRS,
  IR_PACKING_COLUMNS,
};

/// Shared by convolution and transposed convolution. The trailing pads (and, transposed, the
/// output padding) are implied by the output's extents: what lies outside the input reads as 0.
struct ir_conv2d_params {
  size_t batch;
  size_t input_channels, input_height, input_width;
  size_t output_channels, output_height, output_width;
  size_t kernel_height, kernel_width;
  size_t stride_y, stride_x;
  size_t dilation_y, dilation_x;
  size_t pad_top, pad_left;
  size_t groups;
  enum ir_activation activation;
  /// Of IR_ACTIVATION_LEAKY_RELU, which ir_conv2d_winograd alone has.
  float slope;
  /// Of one operand, with its immediates, applied last; IR_ELEMENTWISE_COPY is none. Others are of depthwise
  /// convolutions and of ir_conv2d_pixel alone.
  enum ir_elementwise_opcode function;
  float p, q;
  /// Operands of products are rounded to bfloat16; sums are float32. Not of depthwise convolutions and of
  /// ir_conv2d_pixel.
  bool is_bfloat16;
};

/// Weights [output_channels, input_channels / groups, kernel_height, kernel_width] to the order
/// the driver reads; `batch` and the spatial extents do not matter. `packed` is 64-byte aligned.
void ir_conv2d_pack_weights(const struct ir_conv2d_params *params, const float *weights, float *packed);

/// Elements of the packed weights.
size_t ir_conv2d_packed_weights_count(const struct ir_conv2d_params *params);

/// output = activation(convolution + bias + residual).
/// `bias` [output_channels] or NULL; `residual` of the output's shape or NULL, and may be `output`.
void ir_conv2d(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

size_t ir_conv2d_workspace(const struct ir_conv2d_params *params, int threads);

/// Whether a quarter of the taps or more lie outside the feature map, as those of dilated convolutions over
/// small ones do. ir_conv2d_parts leaves them out.
bool ir_conv2d_has_parts(const struct ir_conv2d_params *params);

/// As ir_conv2d, of such convolutions; sums are rounded in another order.
void ir_conv2d_parts(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

size_t ir_conv2d_parts_workspace(const struct ir_conv2d_params *params, int threads);

/// Whether the feature maps have one pixel: the convolution is then a product of a matrix with vectors.
bool ir_conv2d_is_pixel(const struct ir_conv2d_params *params);

/// As ir_conv2d, of such feature maps, with unpacked weights.
void ir_conv2d_pixel(
  const struct ir_conv2d_params *params, const float *input, struct ir_weights weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

size_t ir_conv2d_pixel_workspace(const struct ir_conv2d_params *params, bool is_half, int threads);

/// Whether the convolution has Winograd's form: 3x3, stride 1, dilation 1, one group.
bool ir_conv2d_winograd_applies(const struct ir_conv2d_params *params);

/// Whether the feature map has so few tiles that ir_conv2d_winograd takes longer than ir_conv2d, which has
/// fewer weights.
bool ir_conv2d_winograd_lacks_tiles(const struct ir_conv2d_params *params);

/// Whether ir_conv2d_winograd has the activation.
bool ir_conv2d_winograd_takes(enum ir_activation activation);

/// As ir_conv2d and its companions, by Winograd's F(4x4, 3x3): fewer multiplications, with the results of
/// a tile of 4x4 rounded together. Tiles are counted from the first row and column of the output.
void ir_conv2d_winograd(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

size_t ir_conv2d_winograd_workspace(const struct ir_conv2d_params *params, int threads);

/// As ir_conv2d_winograd, of weights as a model stores them, which are evaluated as they are needed: for many
/// weights, whose values at the points take four times their memory. The same bits.
void ir_conv2d_winograd_streamed(
  const struct ir_conv2d_params *params, const float *input, struct ir_weights weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

size_t ir_conv2d_winograd_streamed_workspace(
  const struct ir_conv2d_params *params, bool is_half, int threads);

size_t ir_conv2d_winograd_packed_weights_count(const struct ir_conv2d_params *params);

void ir_conv2d_winograd_pack_weights(
  const struct ir_conv2d_params *params, const float *weights, float *packed);

/// As ir_conv2d_pack_weights, or with `is_winograd` ir_conv2d_winograd_pack_weights, of weights as a model
/// stores them and by all threads. The workspace has ir_conv2d_packing_workspace bytes.
void ir_conv2d_pack(
  const struct ir_conv2d_params *params, bool is_winograd, struct ir_weights weights, float *packed,
  void *workspace, int threads);

size_t ir_conv2d_packing_workspace(
  const struct ir_conv2d_params *params, bool is_winograd, bool is_half, int threads);

/// Weights [input_channels, output_channels / groups, kernel_height, kernel_width].
void ir_conv2d_transpose_pack_weights(
  const struct ir_conv2d_params *params, const float *weights, float *packed);

size_t ir_conv2d_transpose_packed_weights_count(const struct ir_conv2d_params *params);

/// The adjoint of the convolution with the same parameters (input and output exchanged), plus
/// bias, residual and activation as in ir_conv2d.
void ir_conv2d_transpose(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);

size_t ir_conv2d_transpose_workspace(const struct ir_conv2d_params *params, int threads);

#ifdef __cplusplus
}
#endif

#endif
