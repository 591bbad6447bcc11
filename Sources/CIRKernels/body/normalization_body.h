// Affine passes and exponentials over rows: what normalizations and softmax apply after their
// statistics.

#include "../include/ir_kernels.h"
#include "vector_math.h"

// Runs `statement` for each vector of `count` elements from `i` on, `n` of them present.
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
#define LOAD(p) (n == V_LANES ? v_load((p) + i) : v_load_partial((p) + i, n))
#define STORE(p, v) \
  if (n == V_LANES) v_store((p) + i, (v)); \
  else v_store_partial((p) + i, (v), n)

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
  size_t count, float mean, float factor, const float *scale, const float *bias,
  const float *input, float *output) {
  FOR_EACH_VECTOR(count, {
    v_f32 x = (LOAD(input) - mean) * factor;
    if (scale) x *= LOAD(scale);
    if (bias) x += LOAD(bias);
    STORE(output, x);
  })
}

void IR_ISA_NAME(f32_normalize_columns)(
  size_t width, const float *means, const float *factors, float scale, float bias,
  const float *input, float *output) {
  FOR_EACH_VECTOR(width, {
    v_f32 x = LOAD(input);
    if (means) x -= LOAD(means);
    STORE(output, v_fma(x * LOAD(factors), v_set(scale), v_set(bias)));
  })
}

float IR_ISA_NAME(f32_exponential_row)(
  size_t count, float offset, const float *input, float *output) {
  v_f32 sum = v_set(0);
  FOR_EACH_VECTOR(count, {
    v_f32 x = v_exp(LOAD(input) - offset);
    sum += n == V_LANES ? x : v_keep(x, n, v_set(0));
    STORE(output, x);
  })
  return V_REDUCE(sum, x + y);
}

void IR_ISA_NAME(f32_exponential_columns)(
  size_t width, const float *offsets, const float *input, float *output, float *sums) {
  FOR_EACH_VECTOR(width, {
    v_f32 x = v_exp(LOAD(input) - LOAD(offsets));
    STORE(output, x);
    STORE(sums, LOAD(sums) + x);
  })
}
