#ifndef IR_RESAMPLING_H
#define IR_RESAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// How one axis is resampled: output coordinate o is the sum over t < tap_count of
/// weights[o * tap_count + t] * input[indices[o * tap_count + t]]. Indices lie in the input.
struct ir_resize_taps {
  size_t tap_count;
  const int32_t *indices;
  const float *weights;
};

/// [planes, input_height, input_width] -> [planes, output_height, output_width]; x first, then y.
struct ir_resize2d_params {
  size_t planes;
  size_t input_height, input_width;
  size_t output_height, output_width;
  struct ir_resize_taps y, x;
};

void ir_resize2d(
  const struct ir_resize2d_params *params, const float *input, float *output, void *workspace,
  int threads);

size_t ir_resize2d_workspace(const struct ir_resize2d_params *params, int threads);

enum ir_pooling {
  IR_POOLING_MAX,
  IR_POOLING_AVERAGE,
};

/// [planes, input_height, input_width] -> [planes, output_height, output_width]. A window may
/// reach past the trailing pads (rounding up of the output's extents): that part never counts.
struct ir_pool2d_params {
  size_t planes;
  size_t input_height, input_width;
  size_t output_height, output_width;
  size_t kernel_height, kernel_width;
  size_t stride_y, stride_x;
  size_t dilation_y, dilation_x;
  size_t pad_top, pad_left, pad_bottom, pad_right;
  enum ir_pooling kind;
  /// Average only: padding counts in the divisor.
  bool counts_padding;
};

void ir_pool2d(
  const struct ir_pool2d_params *params, const float *input, float *output, int threads);

#ifdef __cplusplus
}
#endif

#endif
