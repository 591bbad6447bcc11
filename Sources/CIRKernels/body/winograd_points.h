#ifndef IR_WINOGRAD_POINTS_H
#define IR_WINOGRAD_POINTS_H

// The windows of tiles at the points of Winograd's form.

#include "../include/ir_kernels.h"

#define WINOGRAD_A 0.70710678118654752440f
#define WINOGRAD_B 1.41421356237309504880f

enum { WINDOW_SIDE = 6, TILE_SIDE = IR_WINOGRAD_TILE, STRIPS = 4 };

// Six samples to their values at the six points.
V_INLINE void input_points(const v_f32 d[WINDOW_SIDE], v_f32 t[WINDOW_SIDE]) {
  v_f32 even_a = v_fma(d[2], v_set(-2), d[4]), odd_a = v_fma(d[1], v_set(-2), d[3]);
  v_f32 even_b = v_fma(d[2], v_set(-0.5f), d[4]), odd_b = v_fma(d[1], v_set(-0.5f), d[3]);
  t[0] = v_fma(d[2], v_set(-2.5f), d[0] + d[4]);
  t[1] = v_fma(odd_a, v_set(WINOGRAD_A), even_a);
  t[2] = v_fma(odd_a, v_set(-WINOGRAD_A), even_a);
  t[3] = v_fma(odd_b, v_set(WINOGRAD_B), even_b);
  t[4] = v_fma(odd_b, v_set(-WINOGRAD_B), even_b);
  t[5] = v_fma(d[3], v_set(-2.5f), d[1] + d[5]);
}

// The two sums of rows that a pair of points takes: 0 and infinity, +-sqrt(1/2), +-sqrt(2).
V_INLINE void pair_of_points(const size_t pair, const v_f32 d[WINDOW_SIDE], v_f32 t[2]) {
  if (pair == 0) {
    t[0] = v_fma(d[2], v_set(-2.5f), d[0] + d[4]);
    t[1] = v_fma(d[3], v_set(-2.5f), d[1] + d[5]);
    return;
  }
  const float square = pair == 1 ? -2 : -0.5f, point = pair == 1 ? WINOGRAD_A : WINOGRAD_B;
  v_f32 even = v_fma(d[2], v_set(square), d[4]), odd = v_fma(d[1], v_set(square), d[3]);
  t[0] = v_fma(odd, v_set(point), even);
  t[1] = v_fma(odd, v_set(-point), even);
}

// A row of a strip's window: the vector from its first column on, then that from its third on.
V_INLINE v_f32 window_row(
  const struct ir_winograd_strip *strip, const float *plane, size_t row, const size_t skip,
  const bool is_inside) {
  const float *p = plane + strip->input_rows[row] + (ptrdiff_t)skip;
  if (is_inside) return v_load(p);
  if (row < strip->first_row || row >= strip->last_row) return v_set(0);
  size_t first = strip->first_column > skip ? strip->first_column - skip : 0;
  size_t last = strip->last_column > skip ? strip->last_column - skip : 0;
  return v_load_range(p, first, last < V_LANES ? last : V_LANES);
}

// The rows of a window that a pair of points takes.
V_INLINE void window_rows(
  const struct ir_winograd_strip *strip, const float *plane, const size_t pair, const bool is_inside,
  v_f32 left[WINDOW_SIDE], v_f32 right[WINDOW_SIDE]) {
#pragma clang loop unroll(full)
  for (size_t i = 0; i < WINDOW_SIDE; i++) {
    if (pair != 0 && (i == 0 || i == 5)) continue;
    left[i] = window_row(strip, plane, i, 0, is_inside);
    right[i] = window_row(strip, plane, i, 2, is_inside);
  }
}

// Four strips of one channel at the twelve points of a pair of rows.
V_INLINE void evaluate_strips(
  const struct ir_winograd_strip *strips, const float *input, const size_t pair,
  v_f32 values[2][WINDOW_SIDE]) {
  v_f32 d[2][WINDOW_SIDE], e[2][STRIPS];
#pragma clang loop unroll(full)
  for (size_t q = 0; q < STRIPS; q++) {
    v_f32 left[WINDOW_SIDE], right[WINDOW_SIDE], t[2];
    if (strips[q].is_inside) window_rows(&strips[q], input, pair, true, left, right);
    else window_rows(&strips[q], input, pair, false, left, right);
    pair_of_points(pair, left, t);
    d[0][q] = t[0], d[1][q] = t[1];
    pair_of_points(pair, right, t);
    e[0][q] = t[0], e[1][q] = t[1];
  }
#pragma clang loop unroll(full)
  for (size_t row = 0; row < 2; row++) {
    v_transpose_quads(d[row]);
    v_transpose_quads(e[row]);
    // A tile's last two columns are two behind its third and fourth.
    d[row][4] = e[row][2], d[row][5] = e[row][3];
    input_points(d[row], values[row]);
  }
}

#endif
