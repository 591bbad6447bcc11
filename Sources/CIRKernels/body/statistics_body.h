// Reductions of a row to a number, and of rows to a row.

#include <assert.h>

#include "../include/ir_kernels.h"
#include "vector_math.h"

V_INLINE float statistic_identity(enum ir_statistic kind) {
  switch (kind) {
    case IR_STATISTIC_MAXIMUM: return -__builtin_inff();
    case IR_STATISTIC_MINIMUM: return __builtin_inff();
    case IR_STATISTIC_PRODUCT: return 1;
    default: return 0;
  }
}

V_INLINE v_f32 statistic_step(enum ir_statistic kind, v_f32 sum, v_f32 x, v_f32 offset) {
  switch (kind) {
    case IR_STATISTIC_SUM: return sum + x;
    case IR_STATISTIC_SUM_OF_SQUARES: return v_fma(x, x, sum);
    case IR_STATISTIC_SUM_OF_ABSOLUTES: return sum + v_abs(x);
    // NaN, once in `sum` or `x`, stays.
    case IR_STATISTIC_MAXIMUM: return v_select(sum != sum, sum, v_max(sum, x));
    case IR_STATISTIC_MINIMUM: return v_select(sum != sum, sum, v_min(sum, x));
    case IR_STATISTIC_PRODUCT: return sum * x;
    case IR_STATISTIC_SUM_OF_EXPONENTIALS: return sum + v_exp_normal(x - offset);
    case IR_STATISTIC_SUM_OF_SQUARED_DEVIATIONS: x -= offset; return v_fma(x, x, sum);
  }
  return sum;
}

V_INLINE v_f32 statistic_combine(enum ir_statistic kind, v_f32 a, v_f32 b) {
  switch (kind) {
    case IR_STATISTIC_MAXIMUM: return v_select(a != a, a, v_max(a, b));
    case IR_STATISTIC_MINIMUM: return v_select(a != a, a, v_min(a, b));
    case IR_STATISTIC_PRODUCT: return a * b;
    default: return a + b;
  }
}

V_INLINE float statistic_lanes(enum ir_statistic kind, v_f32 v) {
  switch (kind) {
    case IR_STATISTIC_MAXIMUM: return V_REDUCE(v, x != x || x > y ? x : y);
    case IR_STATISTIC_MINIMUM: return V_REDUCE(v, x != x || x < y ? x : y);
    case IR_STATISTIC_PRODUCT: return V_REDUCE(v, x * y);
    default: return V_REDUCE(v, x + y);
  }
}

V_INLINE float statistic_row(enum ir_statistic kind, size_t count, float offset, const float *p) {
  const v_f32 identity = v_set(statistic_identity(kind)), shift = v_set(offset);
  v_f32 sum[4] = {identity, identity, identity, identity};
  size_t i = 0;
  for (; i + 4 * V_LANES <= count; i += 4 * V_LANES)
#pragma clang loop unroll(full)
    for (int j = 0; j < 4; j++) sum[j] = statistic_step(kind, sum[j], v_load(p + i + j * V_LANES), shift);
  for (; i + V_LANES <= count; i += V_LANES) sum[0] = statistic_step(kind, sum[0], v_load(p + i), shift);
  if (i < count) {
    v_f32 stepped = statistic_step(kind, sum[1], v_load_partial(p + i, count - i), shift);
    sum[1] = v_keep(stepped, count - i, sum[1]);
  }
  v_f32 left = statistic_combine(kind, sum[0], sum[1]);
  v_f32 right = statistic_combine(kind, sum[2], sum[3]);
  return statistic_lanes(kind, statistic_combine(kind, left, right));
}

V_INLINE void statistic_columns(
  enum ir_statistic kind, size_t axis, size_t width, const float *offsets, const float *input, size_t stride,
  float *accumulator) {
  size_t j = 0;
  for (; j + 4 * V_LANES <= width; j += 4 * V_LANES) {
    v_f32 sum[4], shift[4];
#pragma clang loop unroll(full)
    for (int l = 0; l < 4; l++) {
      sum[l] = v_load(accumulator + j + l * V_LANES);
      shift[l] = offsets ? v_load(offsets + j + l * V_LANES) : v_set(0);
    }
    for (size_t i = 0; i < axis; i++)
#pragma clang loop unroll(full)
      for (int l = 0; l < 4; l++)
        sum[l] = statistic_step(kind, sum[l], v_load(input + i * stride + j + l * V_LANES), shift[l]);
#pragma clang loop unroll(full)
    for (int l = 0; l < 4; l++) v_store(accumulator + j + l * V_LANES, sum[l]);
  }
  while (j < width) {
    size_t n = width - j < V_LANES ? width - j : V_LANES;
    v_f32 sum = v_load_partial(accumulator + j, n);
    v_f32 shift = offsets ? v_load_partial(offsets + j, n) : v_set(0);
    for (size_t i = 0; i < axis; i++)
      sum = statistic_step(kind, sum, v_load_partial(input + i * stride + j, n), shift);
    v_store_partial(accumulator + j, sum, n);
    j += n;
  }
}

// clang-format off
#define STATISTIC_KINDS(X) \
  X(IR_STATISTIC_SUM) X(IR_STATISTIC_SUM_OF_SQUARES) X(IR_STATISTIC_SUM_OF_ABSOLUTES) \
  X(IR_STATISTIC_MAXIMUM) X(IR_STATISTIC_MINIMUM) X(IR_STATISTIC_PRODUCT) \
  X(IR_STATISTIC_SUM_OF_EXPONENTIALS) X(IR_STATISTIC_SUM_OF_SQUARED_DEVIATIONS)
// clang-format on

float IR_ISA_NAME(f32_statistic_row)(enum ir_statistic kind, size_t count, float offset, const float *input) {
// clang-format off
#define STATISTIC_ROW(k) case k: return statistic_row(k, count, offset, input);
  // clang-format on
  switch (kind) { STATISTIC_KINDS(STATISTIC_ROW) }
  assert(false);
  return 0;
}

void IR_ISA_NAME(f32_statistic_columns)(
  enum ir_statistic kind, size_t axis, size_t width, const float *offsets, const float *input, size_t stride,
  float *accumulator) {
#define STATISTIC_COLUMNS(k) \
  case k: statistic_columns(k, axis, width, offsets, input, stride, accumulator); return;
  switch (kind) { STATISTIC_KINDS(STATISTIC_COLUMNS) }
  assert(false);
}

// The lanes of a row's sum, of four rows at a time.
V_INLINE v_f32 row_sum(size_t count, const float *row) {
  v_f32 sum = v_set(0);
  size_t j = 0;
  for (; j + V_LANES <= count; j += V_LANES) sum += v_load(row + j);
  return j < count ? sum + v_load_partial(row + j, count - j) : sum;
}

void IR_ISA_NAME(f32_sum_rows)(size_t rows, size_t count, const float *input, size_t stride, float *sums) {
  size_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    v_f32 sum[4];
    for (size_t k = 0; k < 4; k++) sum[k] = row_sum(count, input + (i + k) * stride);
    v_transpose_quads(sum);
    float lanes[V_LANES];
    v_store(lanes, (sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (size_t width = V_LANES / 2; width >= 4; width /= 2)
      for (size_t k = 0; k < width; k++) lanes[k] += lanes[k + width];
    for (size_t k = 0; k < 4; k++) sums[i + k] += lanes[k];
  }
  for (; i < rows; i++) sums[i] += statistic_lanes(IR_STATISTIC_SUM, row_sum(count, input + i * stride));
}
