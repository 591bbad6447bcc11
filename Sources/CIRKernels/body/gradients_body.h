// Sums that only training needs.

#include <assert.h>
#include <string.h>

#include "../include/ir_kernels.h"

// `taps` and `ways` are constants at every call: the sums stay in registers.
V_INLINE void correlate(
  size_t count, const size_t taps, const size_t ways, const float *a, const float *b, float *sums) {
  v_f32 sum[12];
#pragma clang loop unroll(full)
  for (size_t k = 0; k < taps * ways; k++) sum[k] = v_set(0);
  size_t i = 0;
  for (; i + ways * V_LANES <= count; i += ways * V_LANES)
#pragma clang loop unroll(full)
    for (size_t w = 0; w < ways; w++) {
      v_f32 x = v_load(a + i + w * V_LANES);
#pragma clang loop unroll(full)
      for (size_t k = 0; k < taps; k++)
        sum[w * taps + k] = v_fma(x, v_load(b + i + w * V_LANES + k), sum[w * taps + k]);
    }
  while (i < count) {
    size_t n = count - i < V_LANES ? count - i : V_LANES;
    v_f32 x = v_load_partial(a + i, n);
    for (size_t k = 0; k < taps; k++) sum[k] = v_fma(x, v_load_partial(b + i + k, n), sum[k]);
    i += n;
  }
  for (size_t k = 0; k < taps; k++) {
    v_f32 total = sum[k];
    for (size_t w = 1; w < ways; w++) total += sum[w * taps + k];
    sums[k] = V_REDUCE(total, x + y);
  }
}

void IR_ISA_NAME(f32_correlate)(
  size_t count, size_t taps, const float *a, const float *b, float *sums) {
  switch (taps) {
    case 1: correlate(count, 1, 4, a, b, sums); return;
    case 2: correlate(count, 2, 4, a, b, sums); return;
    case 3: correlate(count, 3, 4, a, b, sums); return;
    case 4: correlate(count, 4, 2, a, b, sums); return;
    case 5: correlate(count, 5, 2, a, b, sums); return;
    case 6: correlate(count, 6, 1, a, b, sums); return;
    case 7: correlate(count, 7, 1, a, b, sums); return;
    case 8: correlate(count, 8, 1, a, b, sums); return;
  }
  assert(false);
}

// Halves are added: the same order as V_REDUCE, in registers.
V_INLINE float sum_of_lanes(v_f32 v) {
#if V_LANES == 16
  __typeof__(v.lo + v.hi) half = v.lo + v.hi;
  __typeof__(half.lo + half.hi) quarter = half.lo + half.hi;
#elif V_LANES == 8
  __typeof__(v.lo + v.hi) quarter = v.lo + v.hi;
#else
  v_f32 quarter = v;
#endif
  __typeof__(quarter.lo + quarter.hi) pair = quarter.lo + quarter.hi;
  return pair.x + pair.y;
}

// A tile of sums stays in registers: its rows are read as they lie, nothing is packed.
enum { DOT_COLUMNS = 4, DOT_ROWS = V_LANES == 16 ? 6 : 3 };

V_INLINE void dot_tile(
  const size_t rows, const size_t columns, size_t depth, const float *a, size_t a_stride,
  const float *b, size_t b_stride, float *c, size_t c_stride, bool accumulates) {
  v_f32 sum[DOT_ROWS][DOT_COLUMNS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < columns; j++) sum[i][j] = v_set(0);
  for (size_t k = 0; k < depth; k += V_LANES) {
    const size_t n = depth - k;
    v_f32 right[DOT_COLUMNS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < columns; j++)
      right[j] = n >= V_LANES ? v_load(b + j * b_stride + k) : v_load_partial(b + j * b_stride + k, n);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      v_f32 left =
        n >= V_LANES ? v_load(a + i * a_stride + k) : v_load_partial(a + i * a_stride + k, n);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < columns; j++) sum[i][j] = v_fma(left, right[j], sum[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < columns; j++) {
      float *target = c + i * c_stride + j;
      float value = sum_of_lanes(sum[i][j]);
      *target = accumulates ? *target + value : value;
    }
}

#define DOT_TILE(rows, columns) \
  dot_tile(rows, columns, depth, a + i * a_stride, a_stride, b + j * b_stride, b_stride, \
           c + i * c_stride + j, c_stride, accumulates)
#define DOT_ROW_CASE(n) \
  case n: \
    for (; j + DOT_COLUMNS <= columns; j += DOT_COLUMNS) DOT_TILE(n, DOT_COLUMNS); \
    for (; j < columns; j++) DOT_TILE(n, 1); \
    break;

void IR_ISA_NAME(f32_dot_products)(
  size_t rows, size_t columns, size_t depth, const float *a, size_t a_stride, const float *b,
  size_t b_stride, float *c, size_t c_stride, bool accumulates) {
  for (size_t i = 0; i < rows; i += DOT_ROWS) {
    size_t j = 0;
    switch (rows - i < DOT_ROWS ? rows - i : DOT_ROWS) {
      DOT_ROW_CASE(1) DOT_ROW_CASE(2) DOT_ROW_CASE(3)
#if V_LANES == 16
      DOT_ROW_CASE(4) DOT_ROW_CASE(5) DOT_ROW_CASE(6)
#endif
    }
  }
}

V_INLINE void layer_normalization_strip(
  const struct ir_layer_normalization_columns *c, size_t column, const size_t n) {
#define STRIP_LOAD(p) (n == V_LANES ? v_load(p) : v_load_partial(p, n))
  const float *input = c->input + column, *cotangent = c->cotangent + column;
  const float share = 1 / (float)c->axis;
  v_f32 mean = v_set(0), square = v_set(0), inner = v_set(0), dot = v_set(0);
  for (size_t k = 0; k < c->axis; k++) mean += STRIP_LOAD(input + k * c->stride);
  mean *= share;
  for (size_t k = 0; k < c->axis; k++) {
    v_f32 x = STRIP_LOAD(input + k * c->stride) - mean;
    v_f32 g = STRIP_LOAD(cotangent + k * c->stride) * (c->scale ? c->scale[k] : 1);
    square = v_fma(x, x, square);
    inner += g;
    dot = v_fma(g, x, dot);
  }
  v_f32 factor = 1 / v_sqrt(square * share + c->epsilon);
  if (n < V_LANES) factor = v_keep(factor, n, v_set(0));
  inner *= share;
  dot *= share * factor * factor;
  for (size_t k = 0; k < c->axis; k++) {
    v_f32 x = STRIP_LOAD(input + k * c->stride) - mean;
    v_f32 g = STRIP_LOAD(cotangent + k * c->stride);
    v_f32 y = factor * (g * (c->scale ? c->scale[k] : 1) - inner - x * dot);
    if (n == V_LANES) v_store(c->output + column + k * c->stride, y);
    else v_store_partial(c->output + column + k * c->stride, y, n);
    float *lanes = c->lane_sums + 2 * k * V_LANES;
    // Lanes behind the strip have a cotangent of 0.
    v_store(lanes, v_fma(g, x * factor, v_load(lanes)));
    v_store(lanes + V_LANES, v_load(lanes + V_LANES) + g);
  }
#undef STRIP_LOAD
}

void IR_ISA_NAME(f32_layer_normalization_gradient)(const struct ir_layer_normalization_columns *c) {
  memset(c->lane_sums, 0, 2 * c->axis * V_LANES * sizeof(float));
  size_t column = 0;
  for (; column + V_LANES <= c->width; column += V_LANES) layer_normalization_strip(c, column, V_LANES);
  if (column < c->width) layer_normalization_strip(c, column, c->width - column);
  for (size_t i = 0; i < 2 * c->axis; i++) {
    v_f32 lanes = v_load(c->lane_sums + i * V_LANES);
    c->sums[i] = V_REDUCE(lanes, x + y);
  }
}
