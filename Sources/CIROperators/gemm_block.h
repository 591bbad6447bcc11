#ifndef IR_GEMM_BLOCK_H
#define IR_GEMM_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "ir_kernels.h"

/// How the rows of A are cut into panels: as equal as they can be, so that no kernel runs nearly
/// empty. Panel p is [depth][rows of p]; panels follow each other without gaps.
struct ir_panels {
  size_t count, rows, taller;
};

struct ir_panels ir_panels_of(size_t rows);
size_t ir_panel_start(const struct ir_panels *panels, size_t panel);
size_t ir_panel_rows(const struct ir_panels *panels, size_t panel);

/// Parts of the rows that make `enough` tasks of so many, where rows suffice.
size_t ir_panel_parts(const struct ir_panels *panels, size_t tasks, size_t enough);

/// Floats of `depth` numbers in a panel: with bfloat16 pairs of them.
size_t ir_packed_depth(size_t depth, bool is_bfloat16);

/// packed = A in panels, with bfloat16 as pairs; element (i, k) is a[i * row_stride + k * column_stride].
void ir_pack_panels(
  size_t rows, size_t depth, const float *a, size_t row_stride, size_t column_stride, bool is_bfloat16,
  float *packed);

/// A panel [depth][rows] of float32, to pairs where it is of bfloat16.
void ir_write_panel(size_t rows, size_t depth, const float *panel, bool is_bfloat16, float *packed);

/// One block of depth of C += A * B, for some panels of A and some columns.
struct ir_gemm_block {
  struct ir_panels panels;
  size_t first_panel, last_panel;
  /// Columns of this block; B is [column panel][depth][gemm_columns], of float32: with bfloat16
  /// ir_gemm_round_columns has made pairs of it.
  size_t columns;
  /// The panels of A hold `total_depth`; this block is `depth` from `start` on, which is even.
  size_t total_depth, start, depth;
  /// Products are of bfloat16.
  bool is_bfloat16;
  const float *a, *b;
  /// Floats from a column panel of B to the next; 0: as many as float32 takes.
  size_t b_stride;
  /// Added to the first block's sums, or NULL; sums of later blocks are added to C.
  const float *residual;
  size_t residual_stride;
  float *c;
  size_t c_stride;
  float alpha;
  const float *row_bias, *column_bias;
  enum ir_activation activation;
};

void ir_gemm_block(const struct ir_gemm_block *block);

/// Rounds packed columns, B of a block, to pairs in their place; nothing where it is of float32.
void ir_gemm_round_columns(const struct ir_gemm_block *block, float *packed);

/// Blocks of depth are as equal as even numbers can be; their number depends on the depth alone.
size_t ir_depth_block(size_t depth);

/// Columns packed at once: they and one panel of A stay in the second-level cache.
enum { IR_COLUMN_BLOCK = 256 };

/// Floats of a packed column block, with room for the spill of ir_pack_sliding_columns.
size_t ir_column_block_count(size_t depth);

#endif
