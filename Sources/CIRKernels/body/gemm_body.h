// Matrix products of packed panels, and what packs them.

#include <assert.h>

#include "gemm_tile.h"

void IR_ISA_NAME(f32_gemm)(const struct ir_gemm_tile *t) { gemm(t, false); }

void IR_ISA_NAME(f32_gemm_pack_rows)(
  size_t depth, size_t columns, const float *source, size_t row_stride, float *packed) {
  assert(columns <= GEMM_COLUMNS);
  if (columns == GEMM_COLUMNS) {
    for (size_t k = 0; k < depth; k++) {
      const float *row = source + k * row_stride;
      v_f32 x = v_load(row), y = v_load(row + V_LANES);
      v_store(packed + k * GEMM_COLUMNS, x);
      v_store(packed + k * GEMM_COLUMNS + V_LANES, y);
    }
    return;
  }
  size_t left = columns < V_LANES ? columns : V_LANES, right = columns - left;
  for (size_t k = 0; k < depth; k++) {
    const float *row = source + k * row_stride;
    v_store(packed + k * GEMM_COLUMNS, v_load_partial(row, left));
    v_f32 y = right ? v_load_partial(row + V_LANES, right) : v_set(0);
    v_store(packed + k * GEMM_COLUMNS + V_LANES, y);
  }
}

// The lanes 0, 2, … of a, then of b.
#if V_LANES == 16
#define V_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#elif V_LANES == 8
#define V_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#else
#define V_EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#endif

void IR_ISA_NAME(f32_gemm_pack_alternate)(
  size_t depth, size_t columns, const float *source, size_t row_stride, float *packed) {
  assert(columns >= 1 && columns <= GEMM_COLUMNS);
  for (size_t j = 0; j < columns; j += V_LANES) {
    const size_t n = columns - j < V_LANES ? columns - j : V_LANES, floats = 2 * n - 1;
    const size_t left = floats < V_LANES ? floats : V_LANES, right = floats - left;
    for (size_t k = 0; k < depth; k++) {
      const float *p = source + k * row_stride + 2 * j;
      const v_f32 a = left == V_LANES ? v_load(p) : v_load_partial(p, left);
      const v_f32 b = right ? v_load_partial(p + V_LANES, right) : v_set(0);
      v_store_some(packed + k * GEMM_COLUMNS + j, V_EVEN(a, b), n);
    }
  }
}

#undef V_EVEN

// Squares of four by four in 128-bit registers, which every ISA has.
typedef float quad __attribute__((ext_vector_type(4)));
typedef float quad_unaligned __attribute__((ext_vector_type(4), aligned(4)));

V_INLINE void transpose_quads(const float *source, size_t from, float *target, size_t to) {
  quad a = *(const quad_unaligned *)source, b = *(const quad_unaligned *)(source + from);
  quad c = *(const quad_unaligned *)(source + 2 * from);
  quad d = *(const quad_unaligned *)(source + 3 * from);
  quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(quad_unaligned *)target = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *(quad_unaligned *)(target + to) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *(quad_unaligned *)(target + 2 * to) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *(quad_unaligned *)(target + 3 * to) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

#if V_LANES == 16
typedef float half_unaligned __attribute__((ext_vector_type(8), aligned(4)));

#define V_FROM(first) first, first + 1, first + 2, first + 3
// Of a, then of b, the four lanes of blocks i and j.
#define V_BLOCKS(a, b, i, j) \
  __builtin_shufflevector(a, b, V_FROM(4 * i), V_FROM(4 * j), V_FROM(4 * i + 16), V_FROM(4 * j + 16))
#define V_HALF(v, first) __builtin_shufflevector(v, v, V_FROM(first), V_FROM(first + 4))

V_INLINE void load_quads(const float *source, size_t from, v_f32 x[4]) {
  for (size_t l = 0; l < 4; l++) x[l] = v_load(source + l * from);
  v_transpose_quads(x);
}

// Sixteen steps of sixteen columns, and of eight: of a quad of columns register i has steps i, 4 + i, 8 + i,
// 12 + i.
V_INLINE void transpose_sixteen(const float *source, size_t from, float *target, size_t to) {
  v_f32 x[4][4];
#pragma clang loop unroll(full)
  for (size_t g = 0; g < 4; g++) load_quads(source + 4 * g * from, from, x[g]);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 4; i++) {
    v_f32 even_01 = V_BLOCKS(x[0][i], x[1][i], 0, 2), odd_01 = V_BLOCKS(x[0][i], x[1][i], 1, 3);
    v_f32 even_23 = V_BLOCKS(x[2][i], x[3][i], 0, 2), odd_23 = V_BLOCKS(x[2][i], x[3][i], 1, 3);
    v_store(target + i * to, V_BLOCKS(even_01, even_23, 0, 2));
    v_store(target + (4 + i) * to, V_BLOCKS(odd_01, odd_23, 0, 2));
    v_store(target + (8 + i) * to, V_BLOCKS(even_01, even_23, 1, 3));
    v_store(target + (12 + i) * to, V_BLOCKS(odd_01, odd_23, 1, 3));
  }
}

V_INLINE void transpose_eight(const float *source, size_t from, float *target, size_t to) {
  v_f32 x[2][4];
#pragma clang loop unroll(full)
  for (size_t g = 0; g < 2; g++) load_quads(source + 4 * g * from, from, x[g]);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < 4; i++) {
    v_f32 even = __builtin_shufflevector(x[0][i], x[1][i], V_FROM(0), V_FROM(16), V_FROM(8), V_FROM(24));
    v_f32 odd = __builtin_shufflevector(x[0][i], x[1][i], V_FROM(4), V_FROM(20), V_FROM(12), V_FROM(28));
    *(half_unaligned *)(target + i * to) = V_HALF(even, 0);
    *(half_unaligned *)(target + (4 + i) * to) = V_HALF(odd, 0);
    *(half_unaligned *)(target + (8 + i) * to) = V_HALF(even, 8);
    *(half_unaligned *)(target + (12 + i) * to) = V_HALF(odd, 8);
  }
}
#endif

// Four steps of as many columns as a vector has lanes.
V_INLINE void transpose_lanes(const float *source, size_t from, float *target, size_t to) {
  v_f32 x[4];
#pragma clang loop unroll(full)
  for (size_t l = 0; l < 4; l++) {
    const float *p = source + l * from;
#define QUAD(i) (*(const quad_unaligned *)(p + 4 * (i)*from))
#if V_LANES == 16
    x[l] = __builtin_shufflevector(
      __builtin_shufflevector(QUAD(0), QUAD(1), 0, 1, 2, 3, 4, 5, 6, 7),
      __builtin_shufflevector(QUAD(2), QUAD(3), 0, 1, 2, 3, 4, 5, 6, 7), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
      12, 13, 14, 15);
#elif V_LANES == 8
    x[l] = __builtin_shufflevector(QUAD(0), QUAD(1), 0, 1, 2, 3, 4, 5, 6, 7);
#else
    x[l] = QUAD(0);
#endif
#undef QUAD
  }
  v_transpose_quads(x);
#pragma clang loop unroll(full)
  for (size_t l = 0; l < 4; l++) v_store(target + l * to, x[l]);
}

// Steps start ..< end of four columns, or of a vector's. The last steps are taken with some before them,
// again, where there are four. `are_four` is a constant at every call.
V_INLINE void transpose_columns(
  const float *source, size_t from, size_t start, size_t end, float *target, size_t to, const bool are_four) {
  size_t k = start;
  for (; k < end && end >= start + 4; k += 4) {
    if (k + 4 > end) k = end - 4;
    if (are_four) transpose_quads(source + k, from, target + k * to, to);
    else transpose_lanes(source + k, from, target + k * to, to);
  }
  for (; k < end; k++)
    for (size_t l = 0; l < (are_four ? 4 : V_LANES); l++) target[k * to + l] = source[l * from + k];
}

void IR_ISA_NAME(f32_transpose)(
  size_t depth, size_t columns, const float *source, size_t column_stride, float *packed,
  size_t packed_stride) {
  // Sixteen steps of depth are a cache line of a column: it is used up before the next column, as
  // columns at a power-of-two stride evict each other.
  for (size_t start = 0; start < depth; start += 16) {
    size_t end = start + 16 < depth ? start + 16 : depth, j = 0;
#if V_LANES == 16
    if (end - start == 16) {
      float *target = packed + start * packed_stride;
      for (; j + 16 <= columns; j += 16)
        transpose_sixteen(source + j * column_stride + start, column_stride, target + j, packed_stride);
      for (; j + 8 <= columns; j += 8)
        transpose_eight(source + j * column_stride + start, column_stride, target + j, packed_stride);
    }
#endif
    for (; j + V_LANES <= columns; j += V_LANES)
      transpose_columns(
        source + j * column_stride, column_stride, start, end, packed + j, packed_stride, false);
    // The last columns with some before them, again.
    for (; j < columns && columns >= 4; j += 4) {
      if (j + 4 > columns) j = columns - 4;
      transpose_columns(
        source + j * column_stride, column_stride, start, end, packed + j, packed_stride, true);
    }
    for (; j < columns; j++)
      for (size_t k = start; k < end; k++) packed[k * packed_stride + j] = source[j * column_stride + k];
  }
}
