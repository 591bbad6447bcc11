// AVX2 with FMA and F16C (Haswell, Zen and later).
#include <immintrin.h>
#include <stddef.h>

#pragma clang attribute push( \
  __attribute__((target("avx2,fma,f16c"), min_vector_width(256))), apply_to = function)

#define IR_ISA_NAME(name) ir_##name##__avx2
#define V_LANES 8
#define V_GEMM_ROWS 6
#define V_PLANAR_ROWS 4
// Twelve sums, two vectors of pixels and a weight leave a register of sixteen free. A third vector would take
// it, and the compiler would keep a sum in memory.
#define V_PLANAR_VECTORS 2
#define V_PLANAR_WIDEST 2
#define V_PLANAR_TILE_ROWS(vectors) ((vectors) == 2 ? 6 : 12)

typedef float v_f32 __attribute__((ext_vector_type(V_LANES)));
typedef float v_f32_unaligned __attribute__((ext_vector_type(V_LANES), aligned(4)));
typedef int v_i32 __attribute__((ext_vector_type(V_LANES)));

#define V_INLINE static inline __attribute__((always_inline, unused))

V_INLINE __m256i v_mask(size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
V_INLINE v_f32 v_load_partial(const float *p, size_t n) { return (v_f32)_mm256_maskload_ps(p, v_mask(n)); }
V_INLINE void v_store_partial(float *p, v_f32 v, size_t n) { _mm256_maskstore_ps(p, v_mask(n), (__m256)v); }
// Lanes first ..< last, the others 0.
V_INLINE v_f32 v_load_range(const float *p, size_t first, size_t last) {
  return (v_f32)_mm256_maskload_ps(p, _mm256_andnot_si256(v_mask(first), v_mask(last)));
}
V_INLINE v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) { return __builtin_elementwise_fma(a, b, c); }
#define V_HAS_FMA
// 1 / x for x well inside the range of float, to 1 ULP.
V_INLINE v_f32 v_reciprocal(v_f32 x) { return 1 / x; }
V_INLINE v_f32 v_gather(const float *p, const int *indices) {
  return (v_f32)_mm256_i32gather_ps(p, _mm256_loadu_si256((const __m256i *)indices), 4);
}
V_INLINE v_f32 v_load_f16(const unsigned short *p) {
  return (v_f32)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
V_INLINE void v_store_f16(unsigned short *p, v_f32 v) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph((__m256)v, 0));
}
#include "vector_generic.h"
