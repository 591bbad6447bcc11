// One function an opcode of ir_elementwise_list.h: f32_<function>.

#include <math.h>

#include "../include/ir_kernels.h"
#include "vector_math.h"

#define OPERATION(name) \
  V_INLINE v_f32 operation_##name( \
    v_f32 a, v_f32 b __attribute__((unused)), v_f32 c __attribute__((unused)), \
    float p __attribute__((unused)), float q __attribute__((unused)))
#define TRUE_AS_ONE(mask) v_select((mask), v_set(1), v_set(0))

OPERATION(copy) { return a; }
OPERATION(add) { return a + b; }
OPERATION(subtract) { return a - b; }
OPERATION(multiply) { return a * b; }
OPERATION(divide) { return a / b; }
OPERATION(minimum) { return v_select(a != a, a, v_min(a, b)); }
OPERATION(maximum) { return v_select(a != a, a, v_max(a, b)); }
OPERATION(power) { return V_EACH_LANE(v, powf(a[i], b[i])); }
OPERATION(multiply_add_immediate) { return v_fma(a, v_set(p), v_set(q)); }
OPERATION(multiply_add) { return v_fma(a, b, c); }
OPERATION(negate) { return -a; }
OPERATION(absolute) { return v_abs(a); }
OPERATION(square) { return a * a; }
OPERATION(square_root) { return v_sqrt(a); }
OPERATION(reciprocal_square_root) { return 1 / v_sqrt(a); }
OPERATION(reciprocal) { return 1 / a; }
OPERATION(exponential) { return v_exp(a); }
OPERATION(logarithm) { return v_log(a); }
OPERATION(sigmoid) { return v_sigmoid(a); }
OPERATION(sigmoid_multiply) { return v_sigmoid(a) * b; }
OPERATION(tanh) { return v_tanh(a); }
OPERATION(erf) { return v_erf(a); }
OPERATION(gelu) { return v_gelu(a); }
OPERATION(gelu_multiply) { return v_gelu(a) * b; }
OPERATION(gelu_tanh) {
  v_f32 u = 1.5957691216057308f * v_fma(0.044715f * a * a, a, a);
  return v_logistic(a, u, v_set(-0.0f));
}
OPERATION(gelu_slope) { return v_gelu_slope(a); }
OPERATION(relu) { return v_relu(a); }
OPERATION(leaky_relu) { return v_select(a < 0, p * a, a); }
OPERATION(prelu) { return v_select(a < 0, b * a, a); }
OPERATION(elu) { return v_select(a < 0, p * v_expm1(a), a); }
OPERATION(selu) { return q * v_select(a < 0, p * v_expm1(a), a); }
OPERATION(celu) { return v_select(a < 0, p * v_expm1(a / p), a); }
OPERATION(hard_sigmoid) { return v_min(v_set(1), v_max(v_set(0), v_fma(a, v_set(p), v_set(q)))); }
OPERATION(hard_swish) {
  v_f32 gate = v_min(v_set(1), v_max(v_set(0), v_fma(a, v_set(1.0f / 6), v_set(0.5f))));
  return v_select(a <= -3, v_set(-0.0f), a * gate);
}
OPERATION(swish) {
  v_f32 u = a * p;
  return v_logistic(a, u, v_set(-0.0f));
}
OPERATION(softplus) { return v_relu(a) + v_log1p_positive(v_exp(-v_abs(a))); }
OPERATION(softsign) {
  v_f32 y = a / (1 + v_abs(a));
  return v_select(v_abs(a) == __builtin_inff(), v_copysign(v_set(1), a), y);
}
// tanh(log(1 + n)) = (n^2 + 2n) / (n^2 + 2n + 2) with n = exp(a).
OPERATION(mish) {
  v_f32 n = v_exp(v_min(v_set(20), a)), m = n * (n + 2);
  v_f32 y = v_select(a > 20, a, a * (m / (m + 2)));
  return v_select(a < -104, v_set(-0.0f), y);
}
OPERATION(clip) { return v_min(v_set(q), v_max(v_set(p), a)); }
OPERATION(floor) { return v_floor(a); }
OPERATION(ceiling) { return v_ceil(a); }
OPERATION(round) { return v_round(a); }
OPERATION(sign) { return v_select(a > 0, v_set(1), v_select(a < 0, v_set(-1), a)); }
OPERATION(sine) { return V_EACH_LANE(v, sinf(a[i])); }
OPERATION(cosine) { return V_EACH_LANE(v, cosf(a[i])); }
OPERATION(equal) { return TRUE_AS_ONE(a == b); }
OPERATION(less) { return TRUE_AS_ONE(a < b); }
OPERATION(less_or_equal) { return TRUE_AS_ONE(a <= b); }
OPERATION(greater) { return TRUE_AS_ONE(a > b); }
OPERATION(greater_or_equal) { return TRUE_AS_ONE(a >= b); }
OPERATION(select) { return v_select(a != 0, b, c); }

#define ELEMENTWISE_FUNCTION(constant, function, operands) \
  void IR_ISA_NAME(f32_##function)(size_t rows, size_t columns, const struct ir_elementwise_operands *o) { \
    const float *a = o->a, *b = o->b, *c = o->c; \
    float *output = o->output; \
    const float p = o->p, q = o->q; \
    for (; rows; rows--) { \
      size_t i = 0; \
      for (; i + V_LANES <= columns; i += V_LANES) { \
        v_f32 x = v_load(a + i); \
        v_f32 y = operands > 1 ? v_load(b + i) : v_set(0); \
        v_f32 z = operands > 2 ? v_load(c + i) : v_set(0); \
        v_store(output + i, operation_##function(x, y, z, p, q)); \
      } \
      if (i < columns) { \
        size_t n = columns - i; \
        v_f32 x = v_load_partial(a + i, n); \
        v_f32 y = operands > 1 ? v_load_partial(b + i, n) : v_set(0); \
        v_f32 z = operands > 2 ? v_load_partial(c + i, n) : v_set(0); \
        v_store_partial(output + i, operation_##function(x, y, z, p, q), n); \
      } \
      a += o->a_stride; \
      if (operands > 1) b += o->b_stride; \
      if (operands > 2) c += o->c_stride; \
      output += o->output_stride; \
    } \
  }

IR_ELEMENTWISE_LIST(ELEMENTWISE_FUNCTION)
