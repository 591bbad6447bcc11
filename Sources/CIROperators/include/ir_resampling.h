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
  const struct ir_resize2d_params *params, const float *input, float *output, void *workspace, int threads);

size_t ir_resize2d_workspace(const struct ir_resize2d_params *params, int threads);

enum ir_grid_mode {
  IR_GRID_NEAREST,
  IR_GRID_LINEAR,
  /// Keys' kernel with a = -0.75.
  IR_GRID_CUBIC,
};

enum ir_grid_padding {
  IR_GRID_ZEROS,
  IR_GRID_BORDER,
  IR_GRID_REFLECTION,
};

/// [batch, channels, input_height, input_width] read at [batch, place_count, 2] coordinates (x, y), of which
/// -1...1 is the whole input -> [batch, channels, place_count]. input_height * input_width is at most
/// INT32_MAX, and neither is 0.
struct ir_grid_sample_params {
  size_t batch, channels;
  size_t input_height, input_width;
  size_t place_count;
  enum ir_grid_mode mode;
  enum ir_grid_padding padding;
  /// -1 and 1 are the centres of the corner elements, otherwise their outer edges.
  bool aligns_corners;
};

/// A coordinate that is not a number is 0.
void ir_grid_sample(
  const struct ir_grid_sample_params *params, const float *input, const float *grid, float *output,
  void *workspace, int threads);

size_t ir_grid_sample_workspace(const struct ir_grid_sample_params *params, int threads);

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

void ir_pool2d(const struct ir_pool2d_params *params, const float *input, float *output, int threads);

#ifdef __cplusplus
}
#endif

#endif
