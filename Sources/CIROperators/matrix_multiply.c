#include "ir_matrix_multiply.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "apply.h"
#include "gemm_block.h"
#include "matrix_multiply_packing.h"
#include "matrix_multiply_plan.h"
#include "matrix_multiply_small.h"
#include "parallel.h"

struct multiply_context {
  const struct ir_matrix_multiply_params *params;
  struct ir_multiply_plan plan;
  const float *a, *b, *row_bias, *column_bias, *residual;
  float *c, *shared, *workers;
  /// The matrix being multiplied, where A is packed first.
  size_t matrix;
};

static size_t offset_of(
  const struct ir_matrix_multiply_params *p, const struct ir_matrix_strides *s, size_t matrix) {
  return matrix / p->inner_batch * s->outer + matrix % p->inner_batch * s->inner;
}

static void multiply_columns(
  const struct ir_matrix_multiply_params *p, struct ir_gemm_block *block, const float *b, size_t first,
  float *packed) {
  size_t step = ir_depth_block(block->total_depth);
  block->b = packed;
  for (block->start = 0; block->start < block->total_depth; block->start += block->depth) {
    block->depth = ir_smaller(step, block->total_depth - block->start);
    ir_pack_columns(&p->b, b, block->start, block->depth, first, block->columns, packed);
    ir_gemm_round_columns(block, packed);
    ir_gemm_block(block);
  }
}

static void multiply_packed_columns(
  const struct ir_matrix_multiply_params *p, struct ir_gemm_block *block, const float *packed, size_t first) {
  const size_t width = ir_kernels()->gemm_columns, step = ir_depth_block(block->total_depth);
  for (; block->start < block->total_depth; block->start += block->depth) {
    block->depth = ir_smaller(step, block->total_depth - block->start);
    block->b = packed + ir_packed_columns_place(p, first, block->start);
    block->b_stride = ir_packed_depth(block->depth, p->is_bfloat16) * width;
    ir_gemm_block(block);
  }
}

// Adds the residual, if there is one, to some lines of C that lack it, and what follows.
static void finish_lines(
  const struct ir_matrix_multiply_params *p, size_t lines, size_t count, const float *residual, float *c,
  size_t stride) {
  if (residual) {
    const struct ir_elementwise_operands sum = {
      .a = c, .a_stride = stride, .b = residual, .b_stride = stride, .output = c, .output_stride = stride};
    ir_kernels()->elementwise[IR_ELEMENTWISE_ADD](lines, count, &sum);
    if (p->activation == IR_ACTIVATION_RELU) ir_apply(IR_ELEMENTWISE_RELU, 0, 0, lines, count, c, stride);
  }
  ir_apply(p->function, p->p, p->q, lines, count, c, stride);
}

// A block of columns of which the rows lie side by side in C.
static void multiply_across(
  const struct multiply_context *c, struct ir_gemm_block *block, size_t matrix, size_t column, size_t first,
  size_t rows, float *worker) {
  const struct ir_matrix_multiply_params *p = c->params;
  const size_t stride = c->plan.block_columns;
  const size_t place = offset_of(p, &p->c, matrix) + column * p->c.column + first;
  block->c = worker;
  block->c_stride = stride;
  block->residual = NULL;
  if (c->residual) block->activation = IR_ACTIVATION_NONE;
  multiply_packed_columns(p, block, c->b, column);
  ir_kernels()->f32_transpose(
    block->columns, rows, worker + first * stride, stride, c->c + place, p->c.column);
  const float *residual = c->residual ? c->residual + place : NULL;
  finish_lines(p, block->columns, rows, residual, c->c + place, p->c.column);
}

static void run_block(const void *context, size_t index, int thread) {
  const struct multiply_context *c = context;
  const struct ir_matrix_multiply_params *p = c->params;
  const struct ir_multiply_plan *plan = &c->plan;
  size_t part = index % plan->row_parts, rest = index / plan->row_parts;
  size_t column = rest % plan->column_blocks * plan->block_columns;
  size_t matrix = rest / plan->column_blocks + c->matrix;
  float *worker = c->workers + (size_t)thread * ir_multiply_worker_count(p, plan);
  const float *a = c->shared;
  struct ir_gemm_block block = {
    .panels = plan->panels,
    .first_panel = plan->panels.count * part / plan->row_parts,
    .last_panel = plan->panels.count * (part + 1) / plan->row_parts,
    .columns = ir_smaller(plan->block_columns, p->columns - column),
    .total_depth = p->depth,
    .is_bfloat16 = p->is_bfloat16,
    .residual = c->residual ? c->residual + offset_of(p, &p->c, matrix) + column : NULL,
    .residual_stride = p->c.row,
    .c = c->c + offset_of(p, &p->c, matrix) + column,
    .c_stride = p->c.row,
    .alpha = p->alpha,
    .row_bias = c->row_bias,
    .column_bias = c->column_bias ? c->column_bias + column : NULL,
    .activation = p->activation,
  };
  if (!plan->packs_first) {
    float *packed = worker + ir_column_block_count(p->depth);
    const float *source = c->a + offset_of(p, &p->a, matrix);
    ir_pack_panels(p->rows, p->depth, source, p->a.row, p->a.column, p->is_bfloat16, packed);
    a = packed;
  }
  block.a = a;
  const size_t first = ir_panel_start(&block.panels, block.first_panel);
  const size_t rows = ir_panel_start(&block.panels, block.last_panel) - first;
  if (ir_is_across(p)) {
    multiply_across(c, &block, matrix, column, first, rows, worker);
    return;
  }
  if (p->has_packed_columns) multiply_packed_columns(p, &block, c->b, column);
  else multiply_columns(p, &block, c->b + offset_of(p, &p->b, matrix), column, worker);
  ir_apply(p->function, p->p, p->q, rows, block.columns, block.c + first * p->c.row, p->c.row);
}

static void pack_panel(const void *context, size_t panel, int thread) {
  (void)thread;
  const struct multiply_context *c = context;
  const struct ir_matrix_multiply_params *p = c->params;
  size_t row = ir_panel_start(&c->plan.panels, panel);
  const float *a = c->a + offset_of(p, &p->a, c->matrix) + row * p->a.row;
  ir_pack_panels(
    ir_panel_rows(&c->plan.panels, panel), p->depth, a, p->a.row, p->a.column, p->is_bfloat16,
    c->shared + row * ir_packed_depth(p->depth, p->is_bfloat16));
}

static void run_depth_part(const void *context, size_t index, int thread) {
  const struct multiply_context *c = context;
  const struct ir_matrix_multiply_params *p = c->params;
  const struct ir_multiply_plan *plan = &c->plan;
  size_t matrix = index / plan->depth_parts, longest = ir_multiply_part_depth(p, plan);
  size_t start = index % plan->depth_parts * longest;
  size_t depth = start < p->depth ? ir_smaller(longest, p->depth - start) : 0;
  float *worker = c->workers + (size_t)thread * ir_multiply_worker_count(p, plan);
  float *rows = worker + ir_column_block_count(longest);
  float *partial = c->shared + index * p->rows * p->columns;
  if (!depth) {
    memset(partial, 0, p->rows * p->columns * sizeof *partial);
    return;
  }
  const float *a = c->a + offset_of(p, &p->a, matrix) + start * p->a.column;
  const float *b = c->b + offset_of(p, &p->b, matrix) + start * p->b.row;
  ir_pack_panels(p->rows, depth, a, p->a.row, p->a.column, p->is_bfloat16, rows);
  for (size_t column = 0; column < p->columns; column += IR_COLUMN_BLOCK) {
    struct ir_gemm_block block = {
      .panels = plan->panels,
      .last_panel = plan->panels.count,
      .columns = ir_smaller(IR_COLUMN_BLOCK, p->columns - column),
      .total_depth = depth,
      .is_bfloat16 = p->is_bfloat16,
      .a = rows,
      .c = partial + column,
      .c_stride = p->columns,
      .alpha = 1,
    };
    multiply_columns(p, &block, b, column, worker);
  }
}

// The sums and functions after the product, in a row of C.
static void finish_row(const struct multiply_context *c, size_t matrix, size_t row, float alpha) {
  const struct ir_matrix_multiply_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t place = offset_of(p, &p->c, matrix) + row * p->c.row;
  float *output = c->c + place;
  const float row_bias = c->row_bias ? c->row_bias[row] : 0;
  kernels->f32_scale_shift(
    p->columns, output, alpha, row_bias, c->column_bias, c->residual ? IR_ACTIVATION_NONE : p->activation,
    output);
  finish_lines(p, 1, p->columns, c->residual ? c->residual + place : NULL, output, p->columns);
}

// One row of one matrix: its partial products, added in order.
static void sum_parts(const void *context, size_t index, int thread) {
  (void)thread;
  const struct multiply_context *c = context;
  const struct ir_matrix_multiply_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  size_t matrix = index / p->rows, row = index % p->rows;
  const float *parts = c->shared + (matrix * c->plan.depth_parts * p->rows + row) * p->columns;
  float *output = c->c + offset_of(p, &p->c, matrix) + row * p->c.row;
  assert(c->residual != c->c);
  memset(output, 0, p->columns * sizeof *output);
  kernels->f32_statistic_columns(
    IR_STATISTIC_SUM, c->plan.depth_parts, p->columns, NULL, parts, p->rows * p->columns, output);
  finish_row(c, matrix, row, p->alpha);
}

// The sum over no depth is 0.
static void write_biases(const struct multiply_context *c) {
  const struct ir_matrix_multiply_params *p = c->params;
  for (size_t i = 0; i < c->plan.batch * p->rows; i++) {
    const size_t matrix = i / p->rows, row = i % p->rows;
    assert(c->residual != c->c);
    memset(c->c + offset_of(p, &p->c, matrix) + row * p->c.row, 0, p->columns * sizeof *c->c);
    finish_row(c, matrix, row, 1);
  }
}

void ir_matrix_multiply(
  const struct ir_matrix_multiply_params *params, const float *a, const float *b, const float *row_bias,
  const float *column_bias, const float *residual, float *c, void *workspace, int threads) {
  const struct ir_matrix_multiply_params *p = params;
  assert(!ir_is_across(p) || (p->c.row == 1 && p->has_packed_columns && p->depth > 0 && residual != c));
  struct multiply_context context = {
    .params = p,
    .plan = ir_multiply_plan_of(p),
    .a = a,
    .b = b,
    .row_bias = row_bias,
    .column_bias = column_bias,
    .residual = residual,
    .c = c,
    .shared = workspace,
  };
  const struct ir_multiply_plan *plan = &context.plan;
  if (!plan->batch || !p->rows || !p->columns) return;
  if (ir_is_small_product(p) && !row_bias && !column_bias && !residual) {
    ir_small_products(p, a, b, c, threads);
    return;
  }
  context.workers = context.shared + ir_multiply_shared_count(p, plan);
  if (!p->depth) {
    write_biases(&context);
  } else if (plan->depth_parts > 1) {
    ir_parallel_for(plan->batch * plan->depth_parts, threads, run_depth_part, &context);
    ir_parallel_for(plan->batch * p->rows, threads, sum_parts, &context);
  } else if (plan->packs_first) {
    for (; context.matrix < plan->batch; context.matrix++) {
      size_t here = offset_of(p, &p->a, context.matrix);
      if (context.matrix == 0 || here != offset_of(p, &p->a, context.matrix - 1))
        ir_parallel_for(plan->panels.count, threads, pack_panel, &context);
      ir_parallel_for(plan->column_blocks * plan->row_parts, threads, run_block, &context);
    }
  } else {
    ir_parallel_for(plan->batch * plan->column_blocks * plan->row_parts, threads, run_block, &context);
  }
}
