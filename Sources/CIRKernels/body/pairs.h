#ifndef IR_PAIRS_H
#define IR_PAIRS_H

// Pairs of bfloat16 in the lanes of a vector, and their products.

#include "../include/ir_kernels.h"

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

#endif
