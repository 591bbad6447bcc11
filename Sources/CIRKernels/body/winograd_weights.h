#ifndef IR_WINOGRAD_WEIGHTS_H
#define IR_WINOGRAD_WEIGHTS_H

// Weights of windows at the points of Winograd's form, for some rows side by side.

#include <assert.h>

#include "../include/ir_kernels.h"

enum {
  WEIGHT_SIDE = 3,
  WEIGHT_TAPS = WEIGHT_SIDE * WEIGHT_SIDE,
  // Input channels whose weights are gathered at a time, and groups of rows at most.
  WEIGHT_DEPTH = 8,
  WEIGHT_GROUPS = 2,
};

// Three weights to their values at the six points, divided by what the windows' values lack.
V_INLINE void weight_points(const v_f32 g[WEIGHT_SIDE], v_f32 u[WINDOW_SIDE]) {
  const v_f32 even_a = v_fma(g[2], v_set(0.5f), g[0]) * (-2.0f / 3), odd_a = g[1] * (WINOGRAD_A * -2 / 3);
  const v_f32 even_b = v_fma(g[2], v_set(2), g[0]) * (1.0f / 6), odd_b = g[1] * (WINOGRAD_A / 3);
  u[0] = g[0];
  u[1] = even_a + odd_a;
  u[2] = even_a - odd_a;
  u[3] = even_b + odd_b;
  u[4] = even_b - odd_b;
  u[5] = g[2];
}

// One input channel of some rows: `taps` is [9][lanes]. Whole vectors are written, or the first `rows` of
// them.
V_INLINE void evaluate_weights(
  const float *taps, float *output, size_t point_stride, const bool is_whole, size_t rows) {
  // The order in which the rows of points lie, as IR_WINOGRAD_PAIRS has them.
  static const size_t order[WINDOW_SIDE] = {0, 5, 1, 2, 3, 4};
  v_f32 half[WEIGHT_SIDE][WINDOW_SIDE];
#pragma clang loop unroll(full)
  for (size_t x = 0; x < WEIGHT_SIDE; x++) {
    v_f32 column[WEIGHT_SIDE];
#pragma clang loop unroll(full)
    for (size_t y = 0; y < WEIGHT_SIDE; y++) column[y] = v_load(taps + (WEIGHT_SIDE * y + x) * V_LANES);
    weight_points(column, half[x]);
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < WINDOW_SIDE; i++) {
    const size_t y = order[i];
    v_f32 values[WINDOW_SIDE];
    weight_points((const v_f32[]){half[0][y], half[1][y], half[2][y]}, values);
#pragma clang loop unroll(full)
    for (size_t x = 0; x < WINDOW_SIDE; x++, output += point_stride) {
      if (is_whole) v_store(output, values[x]);
      else v_store_some(output, values[x], rows);
    }
  }
}

void IR_ISA_NAME(f32_winograd_weights)(const struct ir_winograd_weights *p) {
  // [group][channel][9][lanes]: written number by number, read much later as vectors. Lanes beyond the rows
  // stay 0.
  float taps[WEIGHT_GROUPS][WEIGHT_DEPTH * WEIGHT_TAPS * V_LANES] = {{0}};
  const size_t groups = (p->rows + V_LANES - 1) / V_LANES;
  assert(groups <= WEIGHT_GROUPS);
  for (size_t k = 0; k < p->depth; k += WEIGHT_DEPTH) {
    const size_t depth = p->depth - k < WEIGHT_DEPTH ? p->depth - k : WEIGHT_DEPTH;
    for (size_t i = 0; i < p->rows; i++) {
      const float *row = p->weights + i * p->row_stride + k * WEIGHT_TAPS;
      float *lane = taps[i / V_LANES] + i % V_LANES;
      for (size_t j = 0; j < depth * WEIGHT_TAPS; j++) lane[j * V_LANES] = row[j];
    }
    // Lanes that a whole vector writes beyond the rows are overwritten by the next channel; the last one has
    // none.
    for (size_t j = 0; j < depth; j++)
      for (size_t group = 0; group < groups; group++) {
        const float *source = taps[group] + j * WEIGHT_TAPS * V_LANES;
        float *output = p->output + (k + j) * p->rows + group * V_LANES;
        const size_t rows = p->rows - group * V_LANES;
        if (k + j + 1 < p->depth) evaluate_weights(source, output, p->point_stride, true, rows);
        else evaluate_weights(source, output, p->point_stride, false, rows < V_LANES ? rows : V_LANES);
      }
  }
}

#endif
