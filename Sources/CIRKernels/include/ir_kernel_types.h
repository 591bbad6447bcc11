#ifndef IR_KERNEL_TYPES_H
#define IR_KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ir_activation {
  IR_ACTIVATION_NONE,
  IR_ACTIVATION_RELU,
};

/// c = activation(alpha * (initial + a * b) + row_bias + column_bias) for one register tile.
struct ir_gemm_tile {
  /// rows <= gemm_rows, columns <= gemm_columns.
  size_t rows, columns, depth;
  /// [depth][rows].
  const float *a;
  /// [depth][gemm_columns].
  const float *b;
  /// NULL is 0; may be `c`.
  const float *initial;
  size_t initial_stride;
  float *c;
  size_t c_stride;
  float alpha;
  const float *row_bias, *column_bias;
  enum ir_activation activation;
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

/// Columns of [axis][width] that a layer normalization took one by one: its derivatives.
struct ir_layer_normalization_columns {
  size_t axis, width, stride;
  float epsilon;
  const float *input, *cotangent;
  /// [axis] or NULL.
  const float *scale;
  float *output;
  /// [axis][2]: the cotangent times the normalised input, and the cotangent, summed over the columns.
  float *sums;
  /// [axis][2][lanes], scratch.
  float *lane_sums;
};

enum ir_statistic {
  IR_STATISTIC_SUM,
  IR_STATISTIC_SUM_OF_SQUARES,
  IR_STATISTIC_SUM_OF_ABSOLUTES,
  IR_STATISTIC_MAXIMUM,
  IR_STATISTIC_MINIMUM,
  IR_STATISTIC_PRODUCT,
  /// The sum of exp(x - offset).
  IR_STATISTIC_SUM_OF_EXPONENTIALS,
  /// The sum of (x - offset)^2.
  IR_STATISTIC_SUM_OF_SQUARED_DEVIATIONS,
};

/// Operands of an elementwise kernel: output[i] = f(a[i], b[i], c[i]; p, q).
struct ir_elementwise_operands {
  const float *a, *b, *c;
  float *output;
  float p, q;
};

typedef void (*ir_elementwise_kernel)(size_t count, const struct ir_elementwise_operands *operands);

#endif
