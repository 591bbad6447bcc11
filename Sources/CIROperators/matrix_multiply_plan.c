#include "matrix_multiply_plan.h"

#include "matrix_multiply_packing.h"
#include "parallel.h"

// Three ways, chosen by the sizes alone:
// - few rows and columns but great depth: the depth is split into parts, summed in order;
// - A of a matrix small: each task packs it for itself;
// - else, and where B is packed, A is packed first, matrix by matrix, by all workers.
enum {
  SPLIT_PART_DEPTH = 2048,
  SPLIT_MOST_ELEMENTS = 256 * 256,
  SMALL_A_ELEMENTS = 64 * 1024,
  ENOUGH_TASKS = 8,
  // No task packs columns that are packed.
  ENOUGH_PACKED_TASKS = 24,
};

struct ir_multiply_plan ir_multiply_plan_of(const struct ir_matrix_multiply_params *p) {
  struct ir_multiply_plan plan = {
    .panels = ir_panels_of(p->rows),
    .batch = p->outer_batch * p->inner_batch,
    .depth_parts = 1,
    .block_columns = p->has_packed_columns ? IR_PACKED_COLUMN_BLOCK : IR_COLUMN_BLOCK,
    .row_parts = 1,
  };
  plan.column_blocks = ir_ceiling_divide(p->columns, plan.block_columns);
  if (p->has_packed_columns) {
    plan.packs_first = true;
    if (plan.column_blocks)
      plan.row_parts = ir_smaller(
        ir_ceiling_divide(ENOUGH_PACKED_TASKS, plan.column_blocks), ir_larger(1, plan.panels.count));
    return plan;
  }
  if (p->depth >= 2 * SPLIT_PART_DEPTH && p->rows * p->columns <= SPLIT_MOST_ELEMENTS) {
    plan.depth_parts = ir_ceiling_divide(p->depth, SPLIT_PART_DEPTH);
    return plan;
  }
  plan.packs_first = p->rows * p->depth > SMALL_A_ELEMENTS;
  size_t tasks = plan.packs_first ? plan.column_blocks : plan.batch * plan.column_blocks;
  plan.row_parts = ir_panel_parts(&plan.panels, tasks, ENOUGH_TASKS);
  return plan;
}

size_t ir_multiply_part_depth(
  const struct ir_matrix_multiply_params *p, const struct ir_multiply_plan *plan) {
  return ir_ceiling_divide(p->depth, plan->depth_parts);
}

bool ir_is_across(const struct ir_matrix_multiply_params *p) { return p->c.column != 1 && p->columns > 1; }

size_t ir_multiply_worker_count(
  const struct ir_matrix_multiply_params *p, const struct ir_multiply_plan *plan) {
  if (p->has_packed_columns) return ir_is_across(p) ? ir_aligned_count(p->rows * plan->block_columns) : 0;
  size_t depth = ir_multiply_part_depth(p, plan), columns = ir_column_block_count(depth);
  return columns + (plan->packs_first ? 0 : ir_aligned_count(p->rows * depth));
}

size_t ir_multiply_shared_count(
  const struct ir_matrix_multiply_params *p, const struct ir_multiply_plan *plan) {
  if (plan->packs_first) return ir_aligned_count(p->rows * p->depth);
  if (plan->depth_parts == 1) return 0;
  return ir_aligned_count(plan->batch * plan->depth_parts * p->rows * p->columns);
}

size_t ir_matrix_multiply_workspace(const struct ir_matrix_multiply_params *p, int threads) {
  struct ir_multiply_plan plan = ir_multiply_plan_of(p);
  return (ir_multiply_shared_count(p, &plan) + (size_t)threads * ir_multiply_worker_count(p, &plan)) *
    sizeof(float);
}
