#ifndef MATRIX_MULTIPLY_PLAN_H
#define MATRIX_MULTIPLY_PLAN_H

#include <stdbool.h>

#include "gemm_block.h"
#include "ir_matrix_multiply.h"

/// How a product is cut into tasks, by its sizes alone.
struct ir_multiply_plan {
  struct ir_panels panels;
  size_t batch, depth_parts, block_columns, column_blocks, row_parts;
  bool packs_first;
};

struct ir_multiply_plan ir_multiply_plan_of(const struct ir_matrix_multiply_params *params);

/// Depth of a part, of the last one at most.
size_t ir_multiply_part_depth(
  const struct ir_matrix_multiply_params *params, const struct ir_multiply_plan *plan);

/// Whether rows of C lie side by side: columns of a block are computed side by side, then change places.
bool ir_is_across(const struct ir_matrix_multiply_params *params);

/// Floats a worker has: the packed columns and, unless packed first, the packed rows; or a block of C.
size_t ir_multiply_worker_count(
  const struct ir_matrix_multiply_params *params, const struct ir_multiply_plan *plan);

/// Floats all workers share: A packed, or the partial products.
size_t ir_multiply_shared_count(
  const struct ir_matrix_multiply_params *params, const struct ir_multiply_plan *plan);

#endif
