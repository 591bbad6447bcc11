// AVX-512 F, BW, DQ, VL (Skylake-X, Zen 4 and later).
#include <immintrin.h>
#include <stddef.h>

#ifdef V_HAS_BFLOAT16
#define V_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma,f16c"
#define IR_ISA_NAME(name) ir_##name##__avx512bf16
#else
#define V_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"
#define IR_ISA_NAME(name) ir_##name##__avx512
#endif

#pragma clang attribute push(__attribute__((target(V_TARGET), min_vector_width(512))), apply_to = function)

#define V_LANES 16
#define V_GEMM_ROWS 14
#define V_PLANAR_ROWS 8
#define V_PLANAR_VECTORS 3
#define V_PLANAR_WIDEST 4
#define V_PLANAR_TILE_ROWS(vectors) ((vectors) == 4 ? 6 : (vectors) == 3 ? 8 : 12)

typedef float v_f32 __attribute__((ext_vector_type(V_LANES)));
typedef float v_f32_unaligned __attribute__((ext_vector_type(V_LANES), aligned(4)));
typedef int v_i32 __attribute__((ext_vector_type(V_LANES)));

#define V_INLINE static inline __attribute__((always_inline, unused))
#define V_MASK(n) ((__mmask16)((1u << (n)) - 1))

V_INLINE v_f32 v_load_partial(const float *p, size_t n) { return (v_f32)_mm512_maskz_loadu_ps(V_MASK(n), p); }
V_INLINE void v_store_partial(float *p, v_f32 v, size_t n) { _mm512_mask_storeu_ps(p, V_MASK(n), (__m512)v); }
// Lanes first ..< last, the others 0.
V_INLINE v_f32 v_load_range(const float *p, size_t first, size_t last) {
  return (v_f32)_mm512_maskz_loadu_ps(V_MASK(last) & (__mmask16)~V_MASK(first), p);
}
V_INLINE v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) { return __builtin_elementwise_fma(a, b, c); }
#define V_HAS_FMA
// 1 / x for x well inside the range of float, to 1 ULP.
V_INLINE v_f32 v_reciprocal(v_f32 x) {
  v_f32 r = (v_f32)_mm512_rcp14_ps((__m512)x);
  return v_fma(v_fma(-x, r, (v_f32)1), r, r);
}
V_INLINE v_f32 v_gather(const float *p, const int *indices) {
  return (v_f32)_mm512_i32gather_ps(_mm512_loadu_si512(indices), p, 4);
}
// Entries of a table of 32, by the low five bits.
#define V_HAS_LOOKUP
V_INLINE v_f32 v_lookup(const float *table, v_i32 index) {
  return (v_f32)_mm512_permutex2var_ps(_mm512_load_ps(table), (__m512i)index, _mm512_load_ps(table + 16));
}
#define V_HAS_SCALE_EXPONENT
V_INLINE v_f32 v_scale_exponent(v_f32 x, v_f32 n) { return (v_f32)_mm512_scalef_ps((__m512)x, (__m512)n); }
V_INLINE v_f32 v_load_f16(const unsigned short *p) {
  return (v_f32)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
V_INLINE void v_store_f16(unsigned short *p, v_f32 v) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph((__m512)v, 0));
}
#include "vector_generic.h"
