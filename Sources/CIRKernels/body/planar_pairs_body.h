// Products of pairs of bfloat16 with sums in float32.

#include "../include/ir_kernels.h"
#include "planar_prefetch.h"

typedef unsigned v_u32 __attribute__((ext_vector_type(V_LANES)));

#ifdef V_HAS_BFLOAT16
V_INLINE v_f32 dot_pairs(v_f32 sum, v_f32 a, v_f32 b) {
  return (v_f32)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

V_INLINE v_f32 pair(v_f32 low, v_f32 high) {
  // Sixteen of one, then sixteen of the other.
  const __m512i order = _mm512_set_epi16(
    31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2,
    17, 1, 16, 0);
  return (v_f32)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low));
}
#else
// In the processors' order: the high halves first. A product of two bfloat16 is exact in float32.
V_INLINE v_f32 dot_pairs(v_f32 sum, v_f32 a, v_f32 b) {
  v_u32 p = (v_u32)a, q = (v_u32)b;
  sum = v_fma((v_f32)(p & 0xffff0000u), (v_f32)(q & 0xffff0000u), sum);
  return v_fma((v_f32)(p << 16), (v_f32)(q << 16), sum);
}

// Rounded in the high half; the low one is what is left.
V_INLINE v_u32 rounded(v_f32 x) {
  v_u32 bits = (v_u32)x;
  v_u32 nearest = bits + 0x7fffu + (bits >> 16 & 1u);
  return (v_u32)v_select(x == x, (v_f32)nearest, (v_f32)(bits | 0x400000u));
}

V_INLINE v_f32 pair(v_f32 low, v_f32 high) {
  return (v_f32)((rounded(low) >> 16) | (rounded(high) & 0xffff0000u));
}
#endif

void IR_ISA_NAME(bf16_pairs)(
  size_t depth, size_t columns, const float *input, size_t stride, float *pairs, size_t pairs_stride) {
  for (size_t k = 0; k < depth; k += 2) {
    const float *low = input + k * stride, *high = low + stride;
    float *target = pairs + k / 2 * pairs_stride;
    for (size_t x = 0; x < columns; x += V_LANES) {
      size_t n = columns - x < V_LANES ? columns - x : V_LANES;
      v_f32 a = n == V_LANES ? v_load(low + x) : v_load_partial(low + x, n), b = v_set(0);
      if (k + 1 < depth) b = n == V_LANES ? v_load(high + x) : v_load_partial(high + x, n);
      v_store(target + x, pair(a, b));
    }
  }
}

// `rows`, `vectors` and `is_whole` are constants at every call. The last vector has `n` lanes.
V_SPECIALIZED void pairs_tile(
  const struct ir_planar_pairs_product *t, const float *weights, const size_t channel, const size_t rows,
  const size_t vectors, const bool is_whole, size_t x, size_t n) {
  const size_t last = vectors - 1;
  v_f32 sum[V_PLANAR_ROWS][V_PLANAR_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    const v_f32 bias = v_set(t->bias ? t->bias[channel + i] : 0);
    const float *residual = t->residual ? t->residual + (channel + i) * t->residual_stride + x : NULL;
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++)
      sum[i][j] = !residual    ? bias
        : is_whole || j < last ? v_load(residual + j * V_LANES) + bias
                               : v_load_partial(residual + j * V_LANES, n) + bias;
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
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      const v_f32 result = t->activation == IR_ACTIVATION_RELU ? v_relu(sum[i][j]) : sum[i][j];
      float *c = t->output + (channel + i) * t->output_stride + x + j * V_LANES;
      if (is_whole || j < last) v_store(c, result);
      else v_store_partial(c, result, n);
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
