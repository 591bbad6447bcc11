#include <math.h>
#include <string.h>

#include "ir_kernels.h"
#include "ir_reduction.h"
#include "parallel.h"

enum { ROWS_OF_A_TASK = 16, WIDEST_BLOCK = 256 };

struct softmax_context {
  const struct ir_softmax_params *params;
  const float *input;
  float *output;
  size_t column_blocks;
};

static void softmax_row(const struct softmax_context *c, size_t row) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t count = c->params->view.axis;
  const float *input = c->input + row * count;
  float *output = c->output + row * count;
  float most = kernels->f32_statistic_row(IR_STATISTIC_MAXIMUM, count, 0, input);
  if (c->params->logarithm) {
    float sum = kernels->f32_statistic_row(IR_STATISTIC_SUM_OF_EXPONENTIALS, count, most, input);
    kernels->f32_normalize_row(count, most, 1, NULL, NULL, input, output);
    kernels->f32_normalize_row(count, logf(sum), 1, NULL, NULL, output, output);
  } else {
    float sum = kernels->f32_exponential_row(count, most, input, output);
    kernels->f32_scale_shift(count, output, 1 / sum, 0, NULL, IR_ACTIVATION_NONE, output);
  }
}

static void run_rows(const void *context, size_t index, int thread) {
  (void)thread;
  const struct softmax_context *c = context;
  size_t end = ir_smaller((index + 1) * ROWS_OF_A_TASK, c->params->view.outer);
  for (size_t row = index * ROWS_OF_A_TASK; row < end; row++) softmax_row(c, row);
}

static void run_columns(const void *context, size_t index, int thread) {
  (void)thread;
  const struct softmax_context *c = context;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t axis = c->params->view.axis, inner = c->params->view.inner;
  size_t column = index % c->column_blocks * WIDEST_BLOCK;
  size_t width = ir_smaller(WIDEST_BLOCK, inner - column);
  size_t start = index / c->column_blocks * axis * inner + column;
  const float *input = c->input + start;
  float *output = c->output + start;

  float most[WIDEST_BLOCK], sums[WIDEST_BLOCK] = {0}, ones[WIDEST_BLOCK];
  for (size_t j = 0; j < width; j++) most[j] = -INFINITY, ones[j] = 1;
  kernels->f32_statistic_columns(IR_STATISTIC_MAXIMUM, axis, width, NULL, input, inner, most);
  if (c->params->logarithm) {
    kernels->f32_statistic_columns(IR_STATISTIC_SUM_OF_EXPONENTIALS, axis, width, most, input, inner, sums);
    for (size_t j = 0; j < width; j++) sums[j] = logf(sums[j]);
    for (size_t i = 0; i < axis; i++) {
      float *row = output + i * inner;
      kernels->f32_normalize_columns(width, most, ones, 1, 0, input + i * inner, row);
      kernels->f32_normalize_columns(width, sums, ones, 1, 0, row, row);
    }
    return;
  }
  for (size_t i = 0; i < axis; i++)
    kernels->f32_exponential_columns(width, most, input + i * inner, output + i * inner, sums);
  for (size_t j = 0; j < width; j++) sums[j] = 1 / sums[j];
  for (size_t i = 0; i < axis; i++)
    kernels->f32_normalize_columns(width, NULL, sums, 1, 0, output + i * inner, output + i * inner);
}

void ir_softmax(const struct ir_softmax_params *params, const float *input, float *output, int threads) {
  const struct ir_axis_view *view = &params->view;
  if (!view->axis || !view->inner) return;
  struct softmax_context context = {
    params,
    input,
    output,
    ir_ceiling_divide(view->inner, WIDEST_BLOCK),
  };
  if (view->inner == 1)
    ir_parallel_for(ir_ceiling_divide(view->outer, ROWS_OF_A_TASK), threads, run_rows, &context);
  else ir_parallel_for(view->outer * context.column_blocks, threads, run_columns, &context);
}
