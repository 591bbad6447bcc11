// Winograd's minimal filtering F(4x4, 3x3): Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks" (2016). A tile of 4x4 results takes 36 products a channel instead of 144: weights and windows
// are evaluated at six points of each axis, multiplied there, and interpolated.
//
// The points are 0, +-sqrt(1/2), +-sqrt(2) and infinity. With pairs whose product is 1 the matrices are
// small, and rounding stays near that of plain sums.

#include "winograd_points.h"
#include "winograd_weights.h"

V_INLINE void evaluate(const struct ir_winograd_input *p, const size_t pair) {
  for (size_t channel = 0; channel < p->channels; channel++) {
    const float *input = p->input + channel * p->plane_stride;
    for (size_t v = 0; v < p->vectors; v++) {
      float *output = p->output + (channel * p->vectors + v) * V_LANES;
      v_f32 values[2][WINDOW_SIDE];
      evaluate_strips(p->strips + STRIPS * v, input, pair, values);
#pragma clang loop unroll(full)
      for (size_t i = 0; i < 2 * WINDOW_SIDE; i++)
        v_store(output + i * p->point_stride, values[i / WINDOW_SIDE][i % WINDOW_SIDE]);
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

// The four results that have these values at the six points.
V_INLINE void output_samples(const v_f32 m[WINDOW_SIDE], v_f32 y[TILE_SIDE]) {
  v_f32 sum_a = m[1] + m[2], difference_a = m[1] - m[2];
  v_f32 sum_b = m[3] + m[4], difference_b = m[3] - m[4];
  y[0] = m[0] + sum_a + sum_b;
  y[1] = v_fma(difference_b, v_set(WINOGRAD_B), difference_a * v_set(WINOGRAD_A));
  y[2] = v_fma(sum_b, v_set(2), sum_a * v_set(0.5f));
  y[3] = v_fma(difference_b, v_set(2 * WINOGRAD_B), v_fma(difference_a, v_set(0.5f * WINOGRAD_A), m[5]));
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
