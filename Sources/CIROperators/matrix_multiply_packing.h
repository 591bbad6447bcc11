#ifndef MATRIX_MULTIPLY_PACKING_H
#define MATRIX_MULTIPLY_PACKING_H

#include "ir_matrix_multiply.h"

/// Columns of a block of a packed B, a multiple of gemm_columns: a task's, with all of their depth. Of a
/// block its blocks of depth (ir_depth_block) lie one after the other, each [column
/// panel][depth][gemm_columns].
enum { IR_PACKED_COLUMN_BLOCK = 128 };

/// Floats before the block of depth that begins at `start`, of the block whose first column is `first`.
size_t ir_packed_columns_place(const struct ir_matrix_multiply_params *params, size_t first, size_t start);

/// Columns first ..< first + columns of rows start ..< start + depth of B, in panels of float32.
void ir_pack_columns(
  const struct ir_matrix_strides *strides, const float *b, size_t start, size_t depth, size_t first,
  size_t columns, float *packed);

#endif
