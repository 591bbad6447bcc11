// Portable four-lane code: whatever vectors the compiler's baseline has (SSE2, NEON, none).
#include <stddef.h>

// Small, as few processors run it: unrolled for speed it is the largest of all.
#pragma clang attribute push(__attribute__((minsize)), apply_to = function)

#define IR_ISA_NAME(name) ir_##name##__scalar
#define V_LANES 4
#define V_GEMM_ROWS 4
#define V_PLANAR_ROWS 4
#define V_PLANAR_VECTORS 2
#define V_PLANAR_WIDEST 2
#define V_PLANAR_TILE_ROWS(vectors) V_PLANAR_ROWS

typedef float v_f32 __attribute__((ext_vector_type(V_LANES)));
typedef float v_f32_unaligned __attribute__((ext_vector_type(V_LANES), aligned(4)));
typedef int v_i32 __attribute__((ext_vector_type(V_LANES)));
typedef unsigned short v_u16 __attribute__((ext_vector_type(V_LANES), aligned(2)));

#define V_INLINE static inline __attribute__((always_inline, unused))

V_INLINE v_f32 v_load_partial(const float *p, size_t n) {
  v_f32 v = 0;
  for (size_t i = 0; i < n; i++) v[i] = p[i];
  return v;
}
V_INLINE void v_store_partial(float *p, v_f32 v, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] = v[i];
}
// Lanes first ..< last, the others 0.
V_INLINE v_f32 v_load_range(const float *p, size_t first, size_t last) {
  v_f32 v = 0;
  for (size_t i = first; i < last; i++) v[i] = p[i];
  return v;
}
// The baseline of x86-64 has no fused multiply-add; everything else that runs this does.
#if defined(__x86_64__)
V_INLINE v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) { return a * b + c; }
#else
V_INLINE v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c) { return __builtin_elementwise_fma(a, b, c); }
#endif
V_INLINE v_f32 v_gather(const float *p, const int *indices) {
  v_f32 v;
  for (int i = 0; i < V_LANES; i++) v[i] = p[indices[i]];
  return v;
}
#include "vector_generic.h"
#include "vector_f16_generic.h"
