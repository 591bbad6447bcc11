// Products summed over pixels, which weight gradients are.

#include <assert.h>

#include "../include/ir_kernels.h"

// Rows of a tile of sums, which stays in registers.
enum { OUTER_VECTORS = 2, OUTER_ROWS = V_LANES == 16 ? 8 : 6 };

// `rows` and `vectors` are constants at every call.
V_INLINE void outer_tile(
  const struct ir_outer_products *p, const size_t rows, const size_t vectors, size_t first) {
  v_f32 sum[OUTER_ROWS][OUTER_VECTORS];
  const float *a[OUTER_ROWS], *b = p->b;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    a[i] = p->a[first + i];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) sum[i][j] = v_set(0);
  }
  for (size_t line = p->lines; line; line--) {
    for (size_t k = 0; k < p->depth; k++) {
      v_f32 right[OUTER_VECTORS];
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) right[j] = v_load(b + j * V_LANES);
#pragma clang loop unroll(full)
      for (size_t i = 0; i < rows; i++) {
        const v_f32 left = v_set(a[i][k]);
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++) sum[i][j] = v_fma(left, right[j], sum[i][j]);
      }
      b += vectors * V_LANES;
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) a[i] += p->line_step;
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      float *c = p->c + ((first + i) * vectors + j) * V_LANES;
      v_store(c, p->accumulates ? sum[i][j] + v_load(c) : sum[i][j]);
    }
}

#define OUTER_CASE(n) \
  case n: outer_tile(p, n, vectors, first); break;

// `vectors` is a constant at every call.
V_INLINE void outer_products(const struct ir_outer_products *p, const size_t vectors) {
  for (size_t first = 0; first < p->rows; first += OUTER_ROWS)
    switch (p->rows - first < OUTER_ROWS ? p->rows - first : OUTER_ROWS) {
      // clang-format off
      OUTER_CASE(1) OUTER_CASE(2) OUTER_CASE(3) OUTER_CASE(4) OUTER_CASE(5) OUTER_CASE(6)
#if V_LANES == 16
      OUTER_CASE(7) OUTER_CASE(8)
#endif
      // clang-format on
    }
}

void IR_ISA_NAME(f32_outer_products)(const struct ir_outer_products *p) {
  assert(p->vectors == 1 || p->vectors == 2);
  if (p->vectors == 1) outer_products(p, 1);
  else outer_products(p, 2);
}
