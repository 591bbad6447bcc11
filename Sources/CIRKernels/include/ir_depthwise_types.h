#ifndef IR_DEPTHWISE_TYPES_H
#define IR_DEPTHWISE_TYPES_H

#include <stddef.h>

enum ir_activation {
  IR_ACTIVATION_NONE,
  IR_ACTIVATION_RELU,
  /// Negative values times a slope: of Winograd's form alone.
  IR_ACTIVATION_LEAKY_RELU,
};

/// Output rows of a 3x3 depthwise convolution, stride 1, dilation 1, over one plane.
struct ir_depthwise_rows {
  /// Input rows y - 1, y, y + 1 (and y + 2 for two output rows); a row of zeros stands in for one
  /// outside the plane.
  const float *rows[4];
  /// Input width == output width; the pads left and right are 1.
  size_t width;
  /// 1 or 2 output rows.
  size_t count;
  /// [3][3].
  const float *weights;
  float bias;
  enum ir_activation activation;
  const float *residual[2];
  float *output[2];
};

/// An output row of any depthwise convolution.
struct ir_depthwise_taps {
  /// By tap, the number for the first output column; those for the next ones follow, to the end of a vector.
  const float *const *inputs;
  const float *weights;
  size_t count, width;
  float bias;
  enum ir_activation activation;
  /// NULL, or `width` numbers.
  const float *residual;
  float *output;
};

/// Some output rows of as many depthwise convolutions as a vector has lanes, a channel a lane.
struct ir_depthwise_lanes {
  /// Vectors of pixels, those of the outputs beside each other `step` floats apart, those of the output rows
  /// `row_step`.
  const float *input;
  size_t step, row_step;
  /// By tap, floats from `input` to the first output's vector; a vector of weights.
  const size_t *offsets;
  const float *weights;
  size_t count;
  /// A vector, or NULL.
  const float *bias;
  enum ir_activation activation;
  /// rows x width vectors.
  size_t rows, width;
  float *output;
};

#endif
