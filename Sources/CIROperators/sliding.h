#ifndef IR_SLIDING_H
#define IR_SLIDING_H

#include <stddef.h>

/// A grid of windows over planes, as a matrix: row (tap, channel), column (grid y, grid x), whose
/// element is the input at (grid_y * step_y + dy(tap), grid_x * step_x + dx(tap)), 0 outside.
struct ir_sliding {
  size_t channels, height, width;
  size_t grid_height, grid_width;
  size_t step_y, step_x;
  /// dy = first_dy + i * next_dy for tap row i, dx likewise.
  size_t tap_rows, tap_columns;
  ptrdiff_t first_dy, next_dy, first_dx, next_dx;
};

/// target[i] = source[i * step]
void ir_copy_steps(const float *restrict source, size_t step, float *restrict target, size_t count);

/// Rows `start` ..< start + depth and columns `first` ..< first + columns of the matrix, packed as
/// [column panel][depth][gemm_columns]. May write gemm_columns floats past the end of `packed`.
void ir_pack_sliding_columns(
  const struct ir_sliding *sliding, const float *input, size_t start, size_t depth, size_t first,
  size_t columns, float *packed);

#endif
