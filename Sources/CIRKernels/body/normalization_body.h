// Affine passes and exponentials over rows: what normalizations and softmax apply after their
// statistics.

#include "../include/ir_kernels.h"
#include "vector_math.h"

// Runs `statement` for each vector of `count` elements from `i` on, `n` of them present.
// clang-format off
#define FOR_EACH_VECTOR(count, statement) \
  { \
    size_t i = 0; \
    for (; i + V_LANES <= (count); i += V_LANES) { \
      const size_t n = V_LANES; \
      statement \
    } \
    if (i < (count)) { \
      const size_t n = (count) - i; \
      statement \
    } \
  }
// clang-format on
#define LOAD(p) v_load_some((p) + i, n)
#define STORE(p, v) v_store_some((p) + i, (v), n)

void IR_ISA_NAME(f32_scale_shift)(
  size_t count, const float *input, float scale, float shift, const float *residual,
  enum ir_activation activation, float *output) {
  FOR_EACH_VECTOR(count, {
    v_f32 x = v_fma(LOAD(input), v_set(scale), v_set(shift));
    if (residual) x += LOAD(residual);
    if (activation == IR_ACTIVATION_RELU) x = v_relu(x);
    STORE(output, x);
  })
}

void IR_ISA_NAME(f32_normalize_row)(
  size_t count, float mean, float factor, const float *scale, const float *bias, const float *input,
  float *output) {
  FOR_EACH_VECTOR(count, {
    v_f32 x = (LOAD(input) - mean) * factor;
    if (scale) x *= LOAD(scale);
    if (bias) x += LOAD(bias);
    STORE(output, x);
  })
}

void IR_ISA_NAME(f32_normalize_columns)(
  size_t width, const float *means, const float *factors, float scale, float bias, const float *input,
  float *output) {
  FOR_EACH_VECTOR(width, {
    v_f32 x = LOAD(input);
    if (means) x -= LOAD(means);
    STORE(output, v_fma(x * LOAD(factors), v_set(scale), v_set(bias)));
  })
}

float IR_ISA_NAME(f32_exponential_row)(size_t count, float offset, const float *input, float *output) {
  v_f32 sum = v_set(0);
  FOR_EACH_VECTOR(count, {
    v_f32 x = v_exp_normal(LOAD(input) - offset);
    sum += n == V_LANES ? x : v_keep(x, n, v_set(0));
    STORE(output, x);
  })
  return V_REDUCE(sum, x + y);
}

void IR_ISA_NAME(f32_exponential_columns)(
  size_t width, const float *offsets, const float *input, float *output, float *sums) {
  FOR_EACH_VECTOR(width, {
    v_f32 x = v_exp_normal(LOAD(input) - LOAD(offsets));
    STORE(output, x);
    STORE(sums, LOAD(sums) + x);
  })
}

enum { NORMALIZE_VECTORS = 4 };

V_INLINE void normalize_pixels(
  const struct ir_planar_normalize *t, const size_t vectors, size_t x, size_t n) {
  const size_t last = vectors - 1;
  const float *input = t->input + x;
  size_t stride = t->input_stride;
  float *output = t->output + x;
  v_f32 mean[NORMALIZE_VECTORS], factor[NORMALIZE_VECTORS];
// clang-format off
#define NORMALIZE_EACH _Pragma("clang loop unroll(full)") for (size_t j = 0; j < vectors; j++)
#define NORMALIZE_LOAD(channel) \
  v_load_some(input + (channel) * stride + j * V_LANES, j < last ? V_LANES : n)
#define NORMALIZE_STORE(channel, value) \
  v_store_some(output + (channel) * t->output_stride + j * V_LANES, value, j < last ? V_LANES : n)
  NORMALIZE_EACH mean[j] = factor[j] = v_set(0);
  if (t->is_far) {
    for (size_t c = 0; c < t->channels; c++) NORMALIZE_EACH {
      const v_f32 pixels = NORMALIZE_LOAD(c);
      mean[j] += pixels;
      NORMALIZE_STORE(c, pixels);
    }
    input = output;
    stride = t->output_stride;
  } else if (t->is_centred) {
    for (size_t c = 0; c < t->channels; c++) NORMALIZE_EACH mean[j] += NORMALIZE_LOAD(c);
  }
  NORMALIZE_EACH mean[j] = t->is_centred ? mean[j] / (float)t->channels : v_set(0);
  for (size_t c = 0; c < t->channels; c++) NORMALIZE_EACH {
    v_f32 deviation = NORMALIZE_LOAD(c) - mean[j];
    factor[j] = v_fma(deviation, deviation, factor[j]);
  }
  NORMALIZE_EACH factor[j] = 1 / v_sqrt(factor[j] / (float)t->channels + t->epsilon);
  // clang-format on
  for (size_t c = 0; c < t->channels; c++) {
    v_f32 scale = v_set(t->scale ? t->scale[c] : 1), bias = v_set(t->bias ? t->bias[c] : 0);
    NORMALIZE_EACH {
      v_f32 y = v_fma((NORMALIZE_LOAD(c) - mean[j]) * factor[j], scale, bias);
      NORMALIZE_STORE(c, y);
    }
  }
}

void IR_ISA_NAME(f32_planar_normalize)(const struct ir_planar_normalize *t) {
  const size_t step = NORMALIZE_VECTORS * V_LANES;
  size_t x = 0;
  for (; x + step <= t->columns; x += step) normalize_pixels(t, NORMALIZE_VECTORS, x, V_LANES);
  for (; x + V_LANES <= t->columns; x += V_LANES) normalize_pixels(t, 1, x, V_LANES);
  if (x < t->columns) normalize_pixels(t, 1, x, t->columns - x);
}
