#ifndef IR_MATRIX_MULTIPLY_H
#define IR_MATRIX_MULTIPLY_H

#include <stddef.h>

#include "ir_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Strides of a batch of matrices; the batch has two levels so that (image, head) views of one
/// tensor need no copy. A stride of 0 broadcasts.
struct ir_matrix_strides {
  size_t outer, inner;
  size_t row, column;
};

/// C = function(activation(alpha * A * B + row_bias + column_bias + residual)), A [rows, depth],
/// B [depth, columns].
struct ir_matrix_multiply_params {
  size_t outer_batch, inner_batch;
  size_t rows, columns, depth;
  struct ir_matrix_strides a, b;
  /// `c.column` must be 1; or, where B is packed, `c.row`: rows then lie side by side, as pixels do.
  struct ir_matrix_strides c;
  float alpha;
  enum ir_activation activation;
  /// Of one operand, with its immediates; IR_ELEMENTWISE_COPY is none.
  enum ir_elementwise_opcode function;
  float p, q;
  /// A and B are rounded to bfloat16; sums are float32.
  bool is_bfloat16;
  /// B is as ir_matrix_multiply_pack_columns left it: one matrix for the whole batch, and `b` has the strides
  /// that it had before.
  bool has_packed_columns;
};

/// `row_bias` [rows] or NULL, `column_bias` [columns] or NULL, shared by the whole batch; `residual` with the
/// strides of C, or NULL. It may be C where B is packed and `c.column` is 1. With a residual alpha is 1.
void ir_matrix_multiply(
  const struct ir_matrix_multiply_params *params, const float *a, const float *b, const float *row_bias,
  const float *column_bias, const float *residual, float *c, void *workspace, int threads);

/// Floats of one packed B.
size_t ir_matrix_multiply_packed_count(const struct ir_matrix_multiply_params *params);

/// Packs one B for `has_packed_columns`.
void ir_matrix_multiply_pack_columns(
  const struct ir_matrix_multiply_params *params, const float *b, float *packed);

size_t ir_matrix_multiply_workspace(const struct ir_matrix_multiply_params *params, int threads);

#ifdef __cplusplus
}
#endif

#endif
