// Products of pairs of bfloat16 with sums in float32.

#include "../include/ir_kernels.h"
#include "pairs.h"
#include "planar_prefetch.h"

// `rows`, `vectors` and `is_whole` are constants at every call. The last vector has `n` lanes.
V_SPECIALIZED void pairs_tile(
  const struct ir_planar_pairs_product *t, const float *weights, const size_t channel, const size_t rows,
  const size_t vectors, const bool is_whole, size_t x, size_t n) {
  const size_t last = vectors - 1;
  v_f32 sum[V_PLANAR_ROWS][V_PLANAR_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    const v_f32 bias = v_set(t->bias ? t->bias[channel + i] : 0);
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) sum[i][j] = bias;
  }
  const float *input = t->input + x;
  for (size_t k = t->pairs; k; k--) {
    v_f32 pixels[V_PLANAR_VECTORS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) pixels[j] = v_load(input + j * V_LANES);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      const v_f32 weight = v_set(weights[i]);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sum[i][j] = dot_pairs(sum[i][j], weight, pixels[j]);
    }
    weights += rows;
    input += t->input_stride;
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    // The residual comes last, as in float32.
    const float *residual = t->residual ? t->residual + (channel + i) * t->residual_stride + x : NULL;
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      v_f32 result = sum[i][j];
      if (residual)
        result +=
          is_whole || j < last ? v_load(residual + j * V_LANES) : v_load_partial(residual + j * V_LANES, n);
      if (t->activation == IR_ACTIVATION_RELU) result = v_relu(result);
      float *c = t->output + (channel + i) * t->output_stride + x + j * V_LANES;
      if (is_whole || j < last) v_store(c, result);
      else v_store_partial(c, result, n);
    }
  }
}

#define PAIRS_ROWS(rows) \
  case rows: \
    if (n == V_LANES) pairs_tile(t, weights, channel, rows, vectors, true, x, n); \
    else pairs_tile(t, weights, channel, rows, vectors, false, x, n); \
    break;

// Some columns of all channels; `vectors` is a constant at every call.
V_INLINE void pairs_columns(
  const struct ir_planar_pairs_product *t, const size_t vectors, size_t x, size_t n) {
  const float *weights = t->weights;
  for (size_t channel = 0, rows; channel < t->rows; channel += rows) {
    rows = t->rows - channel < V_PLANAR_ROWS ? t->rows - channel : V_PLANAR_ROWS;
    if (t->prefetch) prefetch_share(t->prefetch);
    switch (rows) {
      PAIRS_ROWS(1)
      PAIRS_ROWS(2)
      PAIRS_ROWS(3)
      PAIRS_ROWS(4)
#if V_PLANAR_ROWS > 4
      PAIRS_ROWS(5)
      PAIRS_ROWS(6)
      PAIRS_ROWS(7)
      PAIRS_ROWS(8)
#endif
    }
    weights += rows * t->pairs;
  }
}

// A row is cut into chunks of nearly equal width.
void IR_ISA_NAME(bf16_planar_product)(const struct ir_planar_pairs_product *t) {
  size_t left = (t->columns + V_LANES - 1) / V_LANES, x = 0;
  for (size_t chunks = (left + V_PLANAR_VECTORS - 1) / V_PLANAR_VECTORS; chunks; chunks--) {
    size_t vectors = (left + chunks - 1) / chunks, end = x + vectors * V_LANES;
    size_t n = end <= t->columns ? V_LANES : t->columns + V_LANES - end;
    switch (vectors) {
      case 1: pairs_columns(t, 1, x, n); break;
      case 2: pairs_columns(t, 2, x, n); break;
#if V_PLANAR_VECTORS > 2
      case 3: pairs_columns(t, 3, x, n); break;
#endif
    }
    x = end;
    left -= vectors;
  }
}
