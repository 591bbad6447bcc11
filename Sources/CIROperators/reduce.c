#include <assert.h>
#include <math.h>

#include "ir_kernels.h"
#include "ir_reduction.h"
#include "parallel.h"

// Long axes are cut into blocks of fixed length, combined in order in double.
enum { ROW_BLOCK = 8 * 1024, COLUMN_AXIS_BLOCK = 256, WIDEST_BLOCK = 256 };

struct reduce_context {
  const struct ir_reduce_params *params;
  enum ir_statistic kind;
  const float *input;
  float *output;
  size_t row_blocks, rows_of_a_task, column_blocks;
  float *partials, *offsets;
};

static enum ir_statistic statistic_of(enum ir_reduction kind) {
  switch (kind) {
    case IR_REDUCTION_SUM:
    case IR_REDUCTION_MEAN: return IR_STATISTIC_SUM;
    case IR_REDUCTION_MAX: return IR_STATISTIC_MAXIMUM;
    case IR_REDUCTION_MIN: return IR_STATISTIC_MINIMUM;
    case IR_REDUCTION_PRODUCT: return IR_STATISTIC_PRODUCT;
    case IR_REDUCTION_SUM_OF_SQUARES:
    case IR_REDUCTION_L2: return IR_STATISTIC_SUM_OF_SQUARES;
    case IR_REDUCTION_L1: return IR_STATISTIC_SUM_OF_ABSOLUTES;
    case IR_REDUCTION_LOG_SUM_EXP: return IR_STATISTIC_SUM_OF_EXPONENTIALS;
  }
  assert(false);
  return IR_STATISTIC_SUM;
}

static double identity_of(enum ir_statistic kind) {
  switch (kind) {
    case IR_STATISTIC_MAXIMUM: return -INFINITY;
    case IR_STATISTIC_MINIMUM: return INFINITY;
    case IR_STATISTIC_PRODUCT: return 1;
    default: return 0;
  }
}

static double combine(enum ir_statistic kind, double a, double b) {
  switch (kind) {
    case IR_STATISTIC_MAXIMUM: return a != a || a > b ? a : b;
    case IR_STATISTIC_MINIMUM: return a != a || a < b ? a : b;
    case IR_STATISTIC_PRODUCT: return a * b;
    default: return a + b;
  }
}

static float finish(const struct ir_reduce_params *p, double value, float offset) {
  switch (p->kind) {
    case IR_REDUCTION_MEAN: return (float)(value / (double)p->view.axis);
    case IR_REDUCTION_L2: return (float)sqrt(value);
    case IR_REDUCTION_LOG_SUM_EXP: return (float)(log(value) + offset);
    default: return (float)value;
  }
}

// An infinite maximum cannot be the offset: inf - inf would be NaN.
static float usable_offset(float most) { return isinf(most) ? 0 : most; }

static void reduce_row_blocks(const void *context, size_t index, int thread) {
  (void)thread;
  const struct reduce_context *c = context;
  const size_t axis = c->params->view.axis;
  size_t total = c->params->view.outer * c->row_blocks;
  size_t end = ir_smaller((index + 1) * c->rows_of_a_task, total);
  for (size_t i = index * c->rows_of_a_task; i < end; i++) {
    size_t row = i / c->row_blocks, start = i % c->row_blocks * ROW_BLOCK;
    c->partials[i] = ir_kernels()->f32_statistic_row(
      c->kind, ir_smaller(ROW_BLOCK, axis - start), c->offsets[row], c->input + row * axis + start);
  }
}

static double combine_row(const struct reduce_context *c, size_t row) {
  double value = identity_of(c->kind);
  for (size_t i = 0; i < c->row_blocks; i++)
    value = combine(c->kind, value, c->partials[row * c->row_blocks + i]);
  return value;
}

static void reduce_rows(struct reduce_context *c, int threads) {
  const struct ir_reduce_params *p = c->params;
  const size_t outer = p->view.outer;
  size_t tasks = ir_ceiling_divide(outer * c->row_blocks, c->rows_of_a_task);
  for (size_t row = 0; row < outer; row++) c->offsets[row] = 0;
  if (p->kind == IR_REDUCTION_LOG_SUM_EXP) {
    c->kind = IR_STATISTIC_MAXIMUM;
    ir_parallel_for(tasks, threads, reduce_row_blocks, c);
    for (size_t row = 0; row < outer; row++) c->offsets[row] = usable_offset((float)combine_row(c, row));
    c->kind = IR_STATISTIC_SUM_OF_EXPONENTIALS;
  }
  ir_parallel_for(tasks, threads, reduce_row_blocks, c);
  for (size_t row = 0; row < outer; row++) c->output[row] = finish(p, combine_row(c, row), c->offsets[row]);
}

static void reduce_axis(
  const struct reduce_context *c, enum ir_statistic kind, size_t width, const float *offsets,
  const float *input, double *values) {
  const size_t axis = c->params->view.axis, inner = c->params->view.inner;
  float sums[WIDEST_BLOCK];
  for (size_t j = 0; j < width; j++) values[j] = identity_of(kind);
  for (size_t start = 0; start < axis; start += COLUMN_AXIS_BLOCK) {
    for (size_t j = 0; j < width; j++) sums[j] = (float)identity_of(kind);
    ir_kernels()->f32_statistic_columns(
      kind, ir_smaller(COLUMN_AXIS_BLOCK, axis - start), width, offsets, input + start * inner, inner, sums);
    for (size_t j = 0; j < width; j++) values[j] = combine(kind, values[j], sums[j]);
  }
}

static void reduce_columns(const void *context, size_t index, int thread) {
  (void)thread;
  const struct reduce_context *c = context;
  const size_t axis = c->params->view.axis, inner = c->params->view.inner;
  size_t column = index % c->column_blocks * WIDEST_BLOCK, outer = index / c->column_blocks;
  size_t width = ir_smaller(WIDEST_BLOCK, inner - column);
  const float *input = c->input + outer * axis * inner + column;
  double values[WIDEST_BLOCK];
  float offsets[WIDEST_BLOCK] = {0};
  if (c->params->kind == IR_REDUCTION_LOG_SUM_EXP) {
    reduce_axis(c, IR_STATISTIC_MAXIMUM, width, NULL, input, values);
    for (size_t j = 0; j < width; j++) offsets[j] = usable_offset((float)values[j]);
  }
  reduce_axis(c, c->kind, width, offsets, input, values);
  for (size_t j = 0; j < width; j++)
    c->output[outer * inner + column + j] = finish(c->params, values[j], offsets[j]);
}

static size_t row_blocks_of(const struct ir_axis_view *view) {
  return ir_larger(1, ir_ceiling_divide(view->axis, ROW_BLOCK));
}

size_t ir_reduce_workspace(const struct ir_reduce_params *p, int threads) {
  (void)threads;
  return p->view.inner == 1 ? p->view.outer * (row_blocks_of(&p->view) + 1) * sizeof(float) : 0;
}

void ir_reduce(
  const struct ir_reduce_params *params, const float *input, float *output, void *workspace, int threads) {
  const struct ir_axis_view *view = &params->view;
  if (!view->outer || !view->inner) return;
  struct reduce_context c = {
    .params = params,
    .kind = statistic_of(params->kind),
    .input = input,
    .output = output,
    .row_blocks = row_blocks_of(view),
    .partials = workspace,
    .rows_of_a_task = ir_larger(1, ROW_BLOCK / ir_larger(1, view->axis)),
    .column_blocks = ir_ceiling_divide(view->inner, WIDEST_BLOCK),
  };
  if (view->inner == 1) {
    c.offsets = c.partials + view->outer * c.row_blocks;
    reduce_rows(&c, threads);
  } else {
    ir_parallel_for(view->outer * c.column_blocks, threads, reduce_columns, &c);
  }
}
