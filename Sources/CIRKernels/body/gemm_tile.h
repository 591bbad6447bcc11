#ifndef IR_GEMM_TILE_H
#define IR_GEMM_TILE_H

// Matrix products of packed panels: a tile of V_GEMM_ROWS x 2 vectors stays in registers.

#include <assert.h>

#include "pairs.h"

enum { GEMM_VECTORS = 2, GEMM_COLUMNS = GEMM_VECTORS * V_LANES };

// `rows`, `vectors`, `full` and `has_pairs` are constants at every call, so the loops over rows unroll into
// registers.
V_INLINE void gemm_tile(
  const struct ir_gemm_tile *t, const size_t rows, const size_t vectors, const bool full,
  const bool has_pairs) {
  v_f32 sum[V_GEMM_ROWS][GEMM_VECTORS];
  size_t left = t->columns < V_LANES ? t->columns : V_LANES, right = t->columns - left;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = v_set(0);

  const float *a = t->a, *b = t->b;
  for (size_t k = t->depth; k; k--) {
    v_f32 b0 = v_load(b), b1 = vectors > 1 ? v_load(b + V_LANES) : v_set(0);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      v_f32 ai = v_set(a[i]);
      sum[i][0] = has_pairs ? dot_pairs(sum[i][0], ai, b0) : v_fma(ai, b0, sum[i][0]);
      if (vectors > 1) sum[i][1] = has_pairs ? dot_pairs(sum[i][1], ai, b1) : v_fma(ai, b1, sum[i][1]);
    }
    a += rows;
    b += GEMM_COLUMNS;
  }

  v_f32 column_bias[GEMM_VECTORS] = {0, 0};
  if (t->column_bias) {
    column_bias[0] = v_load_partial(t->column_bias, left);
    if (right) column_bias[1] = v_load_partial(t->column_bias + V_LANES, right);
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    v_f32 x = sum[i][0], y = sum[i][1];
    const float *start = t->initial + i * t->initial_stride;
    if (t->initial && full) {
      x += v_load(start), y += v_load(start + V_LANES);
    } else if (t->initial) {
      x += v_load_partial(start, left);
      if (right) y += v_load_partial(start + V_LANES, right);
    }
    if (t->alpha != 1) x *= t->alpha, y *= t->alpha;
    if (t->row_bias) x += t->row_bias[i], y += t->row_bias[i];
    if (t->column_bias) x += column_bias[0], y += column_bias[1];
    if (t->activation == IR_ACTIVATION_RELU) x = v_relu(x), y = v_relu(y);
    float *c = t->c + i * t->c_stride;
    if (full) {
      v_store(c, x), v_store(c + V_LANES, y);
    } else {
      v_store_partial(c, x, left);
      if (right) v_store_partial(c + V_LANES, y, right);
    }
  }
}

// clang-format off
#define GEMM_CASE(n) \
  case n: \
    if (t->columns == GEMM_COLUMNS) gemm_tile(t, n, 2, true, has_pairs); \
    else if (t->columns > V_LANES) gemm_tile(t, n, 2, false, has_pairs); \
    else gemm_tile(t, n, 1, false, has_pairs); \
    break;
// clang-format on

// `has_pairs` is a constant at every call.
V_INLINE void gemm(const struct ir_gemm_tile *t, const bool has_pairs) {
  assert(t->rows >= 1 && t->rows <= V_GEMM_ROWS);
  assert(t->columns >= 1 && t->columns <= GEMM_COLUMNS);
  switch (t->rows) {
    // clang-format off
    GEMM_CASE(1) GEMM_CASE(2) GEMM_CASE(3) GEMM_CASE(4)
#if V_GEMM_ROWS > 4
    GEMM_CASE(5) GEMM_CASE(6)
#endif
#if V_GEMM_ROWS > 6
    GEMM_CASE(7) GEMM_CASE(8) GEMM_CASE(9) GEMM_CASE(10)
    GEMM_CASE(11) GEMM_CASE(12) GEMM_CASE(13) GEMM_CASE(14)
// clang-format on
#endif
  }
}

#endif
