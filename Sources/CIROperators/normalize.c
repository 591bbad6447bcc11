#include <math.h>
#include <string.h>

#include "ir_kernels.h"
#include "ir_reduction.h"
#include "parallel.h"

enum {
  ROWS_OF_A_TASK = 32,
  WIDEST_BLOCK = 256,
  // Columns are copied together first: at a power-of-two stride they would evict each other.
  TILE_ELEMENTS = 32 * 1024,
};

struct normalize_context {
  const struct ir_normalize_params *params;
  const float *input, *scale, *bias;
  float *output;
  size_t column_blocks, block_width;
};

// The factor by the deviations' (or the values') sum of squares.
static float factor_of(const struct ir_normalize_params *p, float sum_of_squares) {
  if (p->kind == IR_NORMALIZATION_L2) {
    float norm = sqrtf(sum_of_squares);
    return 1 / (norm < p->epsilon ? p->epsilon : norm);
  }
  return 1 / sqrtf(sum_of_squares / (float)p->view.axis + p->epsilon);
}

static void normalize_rows(const void *context, size_t index, int thread) {
  (void)thread;
  const struct normalize_context *c = context;
  const struct ir_normalize_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t count = p->view.axis;
  size_t end = ir_smaller((index + 1) * ROWS_OF_A_TASK, p->view.outer);
  for (size_t row = index * ROWS_OF_A_TASK; row < end; row++) {
    const float *input = c->input + row * count;
    float mean = 0;
    if (p->kind == IR_NORMALIZATION_LAYER)
      mean = kernels->f32_statistic_row(IR_STATISTIC_SUM, count, 0, input) / (float)count;
    float squares = kernels->f32_statistic_row(IR_STATISTIC_SUM_OF_SQUARED_DEVIATIONS, count, mean, input);
    kernels->f32_normalize_row(
      count, mean, factor_of(p, squares), c->scale, c->bias, input, c->output + row * count);
  }
}

static void normalize_columns(const void *context, size_t index, int thread) {
  (void)thread;
  const struct normalize_context *c = context;
  const struct ir_normalize_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t axis = p->view.axis, inner = p->view.inner;
  size_t column = index % c->column_blocks * c->block_width;
  size_t width = ir_smaller(c->block_width, inner - column);
  size_t start = index / c->column_blocks * axis * inner + column;
  float tile[TILE_ELEMENTS] __attribute__((aligned(64)));
  const float *source = c->input + start;
  size_t stride = inner;
  if (axis * width <= TILE_ELEMENTS) {
    for (size_t i = 0; i < axis; i++) memcpy(tile + i * width, source + i * inner, width * sizeof *tile);
    source = tile;
    stride = width;
  }

  float means[WIDEST_BLOCK] = {0}, factors[WIDEST_BLOCK] = {0};
  if (p->kind == IR_NORMALIZATION_LAYER) {
    kernels->f32_statistic_columns(IR_STATISTIC_SUM, axis, width, NULL, source, stride, means);
    for (size_t j = 0; j < width; j++) means[j] /= (float)axis;
  }
  kernels->f32_statistic_columns(
    IR_STATISTIC_SUM_OF_SQUARED_DEVIATIONS, axis, width, means, source, stride, factors);
  for (size_t j = 0; j < width; j++) factors[j] = factor_of(p, factors[j]);
  for (size_t i = 0; i < axis; i++)
    kernels->f32_normalize_columns(
      width, means, factors, c->scale ? c->scale[i] : 1, c->bias ? c->bias[i] : 0, source + i * stride,
      c->output + start + i * inner);
}

void ir_normalize(
  const struct ir_normalize_params *params, const float *input, const float *scale, const float *bias,
  float *output, int threads) {
  const struct ir_axis_view *view = &params->view;
  if (!view->axis || !view->inner) return;
  struct normalize_context context = {
    .params = params,
    .input = input,
    .scale = scale,
    .bias = bias,
    .output = output,
  };
  if (view->inner == 1) {
    ir_parallel_for(ir_ceiling_divide(view->outer, ROWS_OF_A_TASK), threads, normalize_rows, &context);
    return;
  }
  size_t fitting = TILE_ELEMENTS / view->axis / 16 * 16;
  context.block_width = ir_larger(16, ir_smaller(fitting, WIDEST_BLOCK));
  context.column_blocks = ir_ceiling_divide(view->inner, context.block_width);
  ir_parallel_for(view->outer * context.column_blocks, threads, normalize_columns, &context);
}
