// Winograd's minimal filtering F(4x4, 3x3): Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks" (2016). A tile of 4x4 results takes 36 products a channel instead of 144: weights and windows
// are evaluated at six points of each axis, multiplied there, and interpolated.
//
// The points are 0, +-sqrt(1/2), +-sqrt(2) and infinity. With pairs whose product is 1 the matrices are
// small, and rounding stays near that of plain sums.

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

// The four results that have these values at the six points.
V_INLINE void output_samples(const v_f32 m[WINDOW_SIDE], v_f32 y[TILE_SIDE]) {
  v_f32 sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  v_f32 sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = v_fma(difference_b, v_set(WINOGRAD_B), difference_a * v_set(WINOGRAD_A));
  y[2] = v_fma(sum_b, v_set(2), sum_a * v_set(0.5f));
  y[3] = v_fma(difference_b, v_set(2 * WINOGRAD_B), v_fma(difference_a, v_set(0.5f * WINOGRAD_A), m[5]));
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

// Four strips, one channel.
V_INLINE void evaluate_strips(
  const struct ir_winograd_input *p, const struct ir_winograd_strip *strips, const float *input,
  float *output, const size_t pair) {
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
    v_f32 t[WINDOW_SIDE];
    v_transpose_quads(d[row]);
    v_transpose_quads(e[row]);
    // A tile's last two columns are two behind its third and fourth.
    d[row][4] = e[row][2], d[row][5] = e[row][3];
    input_points(d[row], t);
#pragma clang loop unroll(full)
    for (size_t j = 0; j < WINDOW_SIDE; j++)
      v_store(output + (WINDOW_SIDE * row + j) * p->point_stride, t[j]);
  }
}

V_INLINE void evaluate(const struct ir_winograd_input *p, const size_t pair) {
  for (size_t channel = 0; channel < p->channels; channel++) {
    const float *input = p->input + channel * p->plane_stride;
    for (size_t v = 0; v < p->vectors; v++) {
      const struct ir_winograd_strip *strips = p->strips + STRIPS * v;
      float *output = p->output + (channel * p->vectors + v) * V_LANES;
      evaluate_strips(p, strips, input, output, pair);
    }
  }
}

void IR_ISA_NAME(f32_winograd_input)(const struct ir_winograd_input *p) {
  switch (p->pair) {
    case 0: evaluate(p, 0); break;
    case 1: evaluate(p, 1); break;
    default: evaluate(p, 2); break;
  }
}

V_INLINE void store_strip(
  const struct ir_winograd_output *p, const struct ir_winograd_strip *strip, size_t channel, v_f32 bias,
  const v_f32 rows[TILE_SIDE]) {
  const size_t columns = strip->output_columns;
  float *output = p->output + channel * p->plane_stride + strip->output_offset;
  const float *residual =
    p->residual ? p->residual + channel * p->residual_plane_stride + strip->residual_offset : NULL;
  for (size_t i = 0; i < strip->output_rows; i++) {
    v_f32 v = rows[i];
    if (residual) {
      const float *r = residual + i * p->residual_row_stride;
      v = v_load_some(r, columns) + v;
    }
    v += bias;
    if (p->activation == IR_ACTIVATION_RELU) v = v_relu(v);
    else if (p->activation == IR_ACTIVATION_LEAKY_RELU) v = v_select(v < 0, v * p->slope, v);
    v_store_some(output + i * p->row_stride, v, columns);
  }
}

// Four strips, one channel.
V_INLINE void interpolate_strips(
  const struct ir_winograd_output *p, const struct ir_winograd_strip *strips, const float *products,
  size_t channel, v_f32 bias) {
  // The rows of points lie as IR_WINOGRAD_PAIRS has them.
  static const size_t place[WINDOW_SIDE] = {0, 2, 3, 4, 5, 1};
  v_f32 columns[WINDOW_SIDE][TILE_SIDE], results[STRIPS][TILE_SIDE];
#pragma clang loop unroll(full)
  for (size_t j = 0; j < WINDOW_SIDE; j++) {
    v_f32 m[WINDOW_SIDE];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < WINDOW_SIDE; i++)
      m[i] = v_load(products + (WINDOW_SIDE * place[i] + j) * p->vectors * V_LANES);
    output_samples(m, columns[j]);
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < TILE_SIDE; i++) {
    v_f32 m[WINDOW_SIDE], row[TILE_SIDE];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < WINDOW_SIDE; j++) m[j] = columns[j][i];
    output_samples(m, row);
    v_transpose_quads(row);
#pragma clang loop unroll(full)
    for (size_t q = 0; q < STRIPS; q++) results[q][i] = row[q];
  }
#pragma clang loop unroll(full)
  for (size_t q = 0; q < STRIPS; q++) store_strip(p, &strips[q], channel, bias, results[q]);
}

void IR_ISA_NAME(f32_winograd_output)(const struct ir_winograd_output *p) {
  for (size_t channel = 0; channel < p->channels; channel++) {
    v_f32 bias = v_set(p->bias ? p->bias[channel] : 0);
    for (size_t v = 0; v < p->vectors; v++)
      interpolate_strips(
        p, p->strips + STRIPS * v, p->products + channel * p->channel_stride + v * V_LANES, channel, bias);
  }
}
