// Kernels over planes of pixels: a value's channels lie `stride` elements apart, the pixels of a row
// next to each other, and vectors run along the row. Nothing is packed but weights.

#include <assert.h>

#include "../include/ir_kernels.h"
#include "planar_prefetch.h"

// As many registers hold sums whatever the width.
enum { GROUPED_ROWS = IR_PLANAR_GROUPED_PANELS * V_PLANAR_ROWS };

// The start of a tile of the result: its panel of weights, and its first channel.
struct panel {
  const float *weights, *residual, *bias;
  float *output;
};

// A tile whose first row is row `first` of its panel; weights of panel after panel are `stride` rows wide,
// and rows that the panel has not are those of the next ones. `first`, `rows`, `vectors` and `is_whole` are
// constants at every call. The last vector has `n` lanes.
V_SPECIALIZED void product_tile(
  const struct ir_planar_product *t, const struct panel *p, const size_t first, const size_t stride,
  const size_t rows, const size_t vectors, const bool is_whole, size_t x, size_t n) {
  const size_t last = vectors - 1;
  v_f32 sum[GROUPED_ROWS][V_PLANAR_WIDEST];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    const v_f32 bias = v_set(p->bias ? p->bias[i] : 0);
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) sum[i][j] = bias;
  }

  const float *a[IR_PLANAR_GROUPED_PANELS];
#pragma clang loop unroll(full)
  for (size_t q = 0; q < IR_PLANAR_GROUPED_PANELS; q++)
    a[q] = p->weights + q * t->depth * t->kernel_height * t->kernel_width * V_PLANAR_ROWS;
  for (size_t ty = 0; ty < t->kernel_height; ty++)
    for (size_t tx = 0; tx < t->kernel_width; tx++) {
      const float *b = t->input[ty] + x + tx * t->dilation;
      const size_t plane = t->input_stride[ty];
      for (size_t k = t->depth; k; k--) {
        v_f32 pixels[V_PLANAR_WIDEST];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
          pixels[j] = is_whole || j < last ? v_load(b + j * V_LANES) : v_load_partial(b + j * V_LANES, n);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
          const size_t row = first + i;
          v_f32 weight = v_set(a[row / V_PLANAR_ROWS][row % V_PLANAR_ROWS]);
#pragma clang loop unroll(full)
          for (size_t j = 0; j < vectors; j++) sum[i][j] = v_fma(weight, pixels[j], sum[i][j]);
        }
#pragma clang loop unroll(full)
        for (size_t q = 0; q < IR_PLANAR_GROUPED_PANELS; q++) a[q] += stride;
        b += plane;
      }
    }

  // The residual comes last: it may be much larger than the products, and each sum rounds by its size.
  if (p->residual)
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) {
        const float *residual = p->residual + i * t->residual_stride + x + j * V_LANES;
        sum[i][j] += is_whole || j < last ? v_load(residual) : v_load_partial(residual, n);
      }
  if (t->activation == IR_ACTIVATION_RELU)
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) sum[i][j] = v_relu(sum[i][j]);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      float *c = p->output + i * t->output_stride + x + j * V_LANES;
      if (is_whole || j < last) v_store(c, sum[i][j]);
      else v_store_partial(c, sum[i][j], n);
    }
}

#define PRODUCT_VECTORS(rows, vectors) \
  case rows: \
    if (n == V_LANES) product_tile(t, p, 0, rows, rows, vectors, true, x, n); \
    else product_tile(t, p, 0, rows, rows, vectors, false, x, n); \
    break;

// `vectors` is a constant at every call.
V_INLINE void product_panel(
  const struct ir_planar_product *t, const struct panel *p, size_t rows, const size_t vectors, size_t x,
  size_t n) {
  switch (rows) {
    PRODUCT_VECTORS(1, vectors)
    PRODUCT_VECTORS(2, vectors)
    PRODUCT_VECTORS(3, vectors)
    PRODUCT_VECTORS(4, vectors)
#if V_PLANAR_ROWS > 4
    PRODUCT_VECTORS(5, vectors)
    PRODUCT_VECTORS(6, vectors)
    PRODUCT_VECTORS(7, vectors)
    PRODUCT_VECTORS(8, vectors)
#endif
  }
}

V_INLINE void advance(const struct ir_planar_product *t, struct panel *p, size_t rows, size_t panel_depth) {
  p->weights += rows * panel_depth;
  p->output += rows * t->output_stride;
  if (p->residual) p->residual += rows * t->residual_stride;
  if (p->bias) p->bias += rows;
}

// Grouped panels as tiles of `rows` rows; `rows` and `vectors` are constants at every call.
V_INLINE void product_group(
  const struct ir_planar_product *t, const struct panel *p, const size_t rows, const size_t vectors, size_t x,
  size_t n) {
  const size_t panel_depth = t->depth * t->kernel_height * t->kernel_width;
#pragma clang loop unroll(full)
  for (size_t row = 0; row < GROUPED_ROWS; row += rows) {
    const size_t first = row % V_PLANAR_ROWS;
    struct panel tile = *p;
    advance(t, &tile, row, panel_depth);
    tile.weights = p->weights + (row - first) * panel_depth;
    if (n == V_LANES) product_tile(t, &tile, first, V_PLANAR_ROWS, rows, vectors, true, x, n);
    else product_tile(t, &tile, first, V_PLANAR_ROWS, rows, vectors, false, x, n);
  }
}

// Some columns of all channels: their inputs stay in the nearest cache from panel to panel.
V_INLINE void product_columns(const struct ir_planar_product *t, const size_t vectors, size_t x, size_t n) {
  const size_t panel_depth = t->depth * t->kernel_height * t->kernel_width;
  struct panel p = {t->weights, t->residual, t->bias, t->output};
  for (size_t left = t->rows, rows; left; left -= rows) {
    rows = left < V_PLANAR_ROWS ? left : V_PLANAR_ROWS;
    if (t->prefetch) prefetch_share(t->prefetch);
    if (V_PLANAR_TILE_ROWS(vectors) != V_PLANAR_ROWS && left >= GROUPED_ROWS) {
      rows = GROUPED_ROWS;
      for (size_t k = 1; k < IR_PLANAR_GROUPED_PANELS && t->prefetch; k++) prefetch_share(t->prefetch);
      product_group(t, &p, V_PLANAR_TILE_ROWS(vectors), vectors, x, n);
    } else if (vectors > V_PLANAR_VECTORS) {
      product_panel(t, &p, rows, vectors / 2, x, V_LANES);
      product_panel(t, &p, rows, vectors - vectors / 2, x + vectors / 2 * V_LANES, n);
    } else {
      product_panel(t, &p, rows, vectors, x, n);
    }
    advance(t, &p, rows, panel_depth);
  }
}

// A row is cut into chunks of nearly equal width.
void IR_ISA_NAME(f32_planar_product)(const struct ir_planar_product *t) {
  assert(t->kernel_height <= IR_PLANAR_MAX_KERNEL);
  const size_t most = t->rows < GROUPED_ROWS ? V_PLANAR_VECTORS : V_PLANAR_WIDEST;
  size_t left = (t->columns + V_LANES - 1) / V_LANES, x = 0;
  for (size_t chunks = (left + most - 1) / most; chunks; chunks--) {
    size_t vectors = (left + chunks - 1) / chunks, end = x + vectors * V_LANES;
    size_t n = end <= t->columns ? V_LANES : t->columns + V_LANES - end;
    switch (vectors) {
      case 1: product_columns(t, 1, x, n); break;
      case 2: product_columns(t, 2, x, n); break;
#if V_PLANAR_WIDEST > 2
      case 3: product_columns(t, 3, x, n); break;
#endif
#if V_PLANAR_WIDEST > 3
      case 4: product_columns(t, 4, x, n); break;
#endif
    }
    x = end;
    left -= vectors;
  }
}
