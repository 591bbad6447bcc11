// Sums that only training needs.

#include <assert.h>
#include <string.h>

#include "../include/ir_kernels.h"

// `taps` and `ways` are constants at every call: the sums stay in registers.
V_INLINE void correlate(
  size_t count, const size_t taps, const size_t ways, const float *a, const float *b, float *sums) {
  v_f32 sum[12];
#pragma clang loop unroll(full)
  for (size_t k = 0; k < taps * ways; k++) sum[k] = v_set(0);
  size_t i = 0;
  for (; i + ways * V_LANES <= count; i += ways * V_LANES)
#pragma clang loop unroll(full)
    for (size_t w = 0; w < ways; w++) {
      v_f32 x = v_load(a + i + w * V_LANES);
#pragma clang loop unroll(full)
      for (size_t k = 0; k < taps; k++)
        sum[w * taps + k] = v_fma(x, v_load(b + i + w * V_LANES + k), sum[w * taps + k]);
    }
  while (i < count) {
    size_t n = count - i < V_LANES ? count - i : V_LANES;
    v_f32 x = v_load_partial(a + i, n);
    for (size_t k = 0; k < taps; k++) sum[k] = v_fma(x, v_load_partial(b + i + k, n), sum[k]);
    i += n;
  }
  for (size_t k = 0; k < taps; k++) {
    v_f32 total = sum[k];
    for (size_t w = 1; w < ways; w++) total += sum[w * taps + k];
    sums[k] = V_REDUCE(total, x + y);
  }
}

void IR_ISA_NAME(f32_correlate)(size_t count, size_t taps, const float *a, const float *b, float *sums) {
  switch (taps) {
    case 1: correlate(count, 1, 4, a, b, sums); return;
    case 2: correlate(count, 2, 4, a, b, sums); return;
    case 3: correlate(count, 3, 4, a, b, sums); return;
    case 4: correlate(count, 4, 2, a, b, sums); return;
    case 5: correlate(count, 5, 2, a, b, sums); return;
    case 6: correlate(count, 6, 1, a, b, sums); return;
    case 7: correlate(count, 7, 1, a, b, sums); return;
    case 8: correlate(count, 8, 1, a, b, sums); return;
  }
  assert(false);
}

// The sums of neighbouring lanes of a, then those of b.
#if V_LANES == 16
#define PAIR_INDICES(i) \
  i, 2 + i, 4 + i, 6 + i, 8 + i, 10 + i, 12 + i, 14 + i, 16 + i, 18 + i, 20 + i, 22 + i, 24 + i, 26 + i, \
    28 + i, 30 + i
#elif V_LANES == 8
#define PAIR_INDICES(i) i, 2 + i, 4 + i, 6 + i, 8 + i, 10 + i, 12 + i, 14 + i
#else
#define PAIR_INDICES(i) i, 2 + i, 4 + i, 6 + i
#endif
V_INLINE v_f32 sums_of_pairs(v_f32 a, v_f32 b) {
  return __builtin_shufflevector(a, b, PAIR_INDICES(0)) + __builtin_shufflevector(a, b, PAIR_INDICES(1));
}

// The sum of the lanes of each of nine vectors.
V_INLINE void sums_of_nine(const v_f32 *vectors, float *sums) {
#pragma clang loop unroll(full)
  for (size_t first = 0; first < 9; first += V_LANES) {
    v_f32 group[V_LANES];
    const size_t count = 9 - first < V_LANES ? 9 - first : V_LANES;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < V_LANES; i++) group[i] = i < count ? vectors[first + i] : v_set(0);
#pragma clang loop unroll(full)
    for (size_t width = V_LANES; width > 1; width /= 2)
#pragma clang loop unroll(full)
      for (size_t i = 0; i < width / 2; i++) group[i] = sums_of_pairs(group[2 * i], group[2 * i + 1]);
    float lanes[V_LANES];
    v_store(lanes, group[0]);
    for (size_t i = 0; i < count; i++) sums[first + i] = lanes[i];
  }
}

// Constants at every call: whether a vector is the first or the last of its row, and whether it is whole.
struct gradient_place {
  bool is_first, is_last, is_whole;
};

// One vector of two output rows (or one), whose windows share two input rows; columns outside the feature map
// are 0.
V_INLINE void depthwise_gradient_vector(
  const float *const *rows, const float *const *cotangents, const size_t count,
  const struct gradient_place place, size_t x, size_t n, v_f32 *sums) {
  v_f32 g[2];
#pragma clang loop unroll(full)
  for (size_t y = 0; y < count; y++)
    g[y] = place.is_whole ? v_load(cotangents[y] + x) : v_load_partial(cotangents[y] + x, n);
#pragma clang loop unroll(full)
  for (size_t y = 0; y < count + 2; y++) {
    const float *p = rows[y] + x;
    const v_f32 middle = place.is_whole ? v_load(p) : v_load_partial(p, n);
    const v_f32 left = place.is_first ? v_shift_right(middle)
      : place.is_whole                ? v_load(p - 1)
                                      : v_load_partial(p - 1, n);
    const v_f32 right = place.is_last ? v_shift_left(middle) : v_load(p + 1);
    const v_f32 pixels[3] = {left, middle, right};
#pragma clang loop unroll(full)
    for (size_t k = 0; k < 3; k++) {
      if (y < 3) sums[3 * y + k] = v_fma(g[0], pixels[k], sums[3 * y + k]);
      if (count == 2 && y > 0) sums[3 * (y - 1) + k] = v_fma(g[1], pixels[k], sums[3 * (y - 1) + k]);
    }
  }
}

#define GRADIENT_VECTOR(is_first, is_last, is_whole) \
  depthwise_gradient_vector( \
    rows, cotangents, count, (struct gradient_place){is_first, is_last, is_whole}, x, width - x, sums)

V_INLINE void depthwise_gradient_rows(
  const float *const *rows, const float *const *cotangents, const size_t count, size_t width, v_f32 *sums) {
  size_t x = 0;
  if (width < V_LANES) {
    GRADIENT_VECTOR(true, true, false);
  } else if (width == V_LANES) {
    GRADIENT_VECTOR(true, true, true);
  } else {
    GRADIENT_VECTOR(true, false, true);
    for (x = V_LANES; x + V_LANES < width; x += V_LANES) GRADIENT_VECTOR(false, false, true);
    if (x + V_LANES == width) GRADIENT_VECTOR(false, true, true);
    else GRADIENT_VECTOR(false, true, false);
  }
}

void IR_ISA_NAME(f32_depthwise_gradient_3x3)(
  size_t height, size_t width, const float *input, const float *cotangent, const float *zeros, float *sums) {
  v_f32 total[9];
#pragma clang loop unroll(full)
  for (size_t k = 0; k < 9; k++) total[k] = v_set(0);
  for (size_t y = 0; y < height; y += 2) {
    const float *rows[4], *cotangents[2] = {cotangent + y * width, cotangent + (y + 1) * width};
    for (size_t k = 0; k < 4; k++)
      rows[k] = y + k >= 1 && y + k - 1 < height ? input + (y + k - 1) * width : zeros;
    if (y + 1 < height) depthwise_gradient_rows(rows, cotangents, 2, width, total);
    else depthwise_gradient_rows(rows, cotangents, 1, width, total);
  }
  sums_of_nine(total, sums);
}

// A tile of sums stays in registers: its rows are read as they lie, nothing is packed.
enum { DOT_COLUMNS = 4, DOT_ROWS = V_LANES == 16 ? 6 : 3 };

V_INLINE void dot_tile(
  const size_t rows, const size_t columns, size_t depth, const float *a, size_t a_stride, const float *b,
  size_t b_stride, float *c, size_t c_stride, bool accumulates) {
  v_f32 sum[DOT_ROWS][DOT_COLUMNS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < columns; j++) sum[i][j] = v_set(0);
  for (size_t k = 0; k < depth; k += V_LANES) {
    const size_t n = depth - k;
    v_f32 right[DOT_COLUMNS];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < columns; j++)
      right[j] = n >= V_LANES ? v_load(b + j * b_stride + k) : v_load_partial(b + j * b_stride + k, n);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      v_f32 left = n >= V_LANES ? v_load(a + i * a_stride + k) : v_load_partial(a + i * a_stride + k, n);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < columns; j++) sum[i][j] = v_fma(left, right[j], sum[i][j]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    v_f32 *own = sum[i];
#pragma clang loop unroll(full)
    for (size_t j = columns; j < DOT_COLUMNS; j++) own[j] = v_set(0);
    v_f32 total = sums_of_pairs(sums_of_pairs(own[0], own[1]), sums_of_pairs(own[2], own[3]));
#pragma clang loop unroll(full)
    for (size_t lanes = V_LANES; lanes > DOT_COLUMNS; lanes /= 2) total = sums_of_pairs(total, total);
    float *target = c + i * c_stride;
    if (accumulates) total += v_load_partial(target, columns);
    v_store_partial(target, total, columns);
  }
}

// clang-format off
#define DOT_TILE(rows, columns) \
  dot_tile(rows, columns, depth, a + i * a_stride, a_stride, b + j * b_stride, b_stride, \
           c + i * c_stride + j, c_stride, accumulates)
#define DOT_ROW_CASE(n) \
  case n: \
    for (; j + DOT_COLUMNS <= columns; j += DOT_COLUMNS) DOT_TILE(n, DOT_COLUMNS); \
    for (; j < columns; j++) DOT_TILE(n, 1); \
    break;
// clang-format on

void IR_ISA_NAME(f32_dot_products)(
  size_t rows, size_t columns, size_t depth, const float *a, size_t a_stride, const float *b, size_t b_stride,
  float *c, size_t c_stride, bool accumulates) {
  for (size_t i = 0; i < rows; i += DOT_ROWS) {
    size_t j = 0;
    switch (rows - i < DOT_ROWS ? rows - i : DOT_ROWS) {
      // clang-format off
      DOT_ROW_CASE(1) DOT_ROW_CASE(2) DOT_ROW_CASE(3)
#if V_LANES == 16
      DOT_ROW_CASE(4) DOT_ROW_CASE(5) DOT_ROW_CASE(6)
#endif
      // clang-format on
    }
  }
}

enum { LAYER_VECTORS = 4 };

// Columns lie a plane apart: they are read once, into memory of our own, which stays in the cache, and asked
// for a pass ahead: so many planes are more than the hardware foresees. `n` lanes of the last vector exist.
V_INLINE void layer_normalization_strip(
  const struct ir_layer_normalization_columns *c, size_t column, const size_t vectors, const bool is_whole,
  const size_t n) {
#define STRIP_LOAD(p) (is_whole ? v_load(p) : v_load_partial(p, n))
  const float *input = c->input + column, *cotangent = c->cotangent + column;
  const float share = 1 / (float)c->axis;
  float *copies = c->lane_sums + 2 * c->axis * V_LANES;
  v_f32 mean[LAYER_VECTORS], square[LAYER_VECTORS], inner[LAYER_VECTORS], dot[LAYER_VECTORS],
    factor[LAYER_VECTORS];
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) mean[v] = square[v] = inner[v] = dot[v] = v_set(0);
  for (size_t k = 0; k < c->axis; k++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
      v_f32 x = STRIP_LOAD(input + k * c->stride + v * V_LANES);
      __builtin_prefetch(cotangent + k * c->stride + v * V_LANES);
      v_store(copies + (2 * LAYER_VECTORS * k + v) * V_LANES, x);
      mean[v] += x;
    }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) mean[v] *= share;
  for (size_t k = 0; k < c->axis; k++) {
    const float scale = c->scale ? c->scale[k] : 1;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
      float *copy = copies + (2 * LAYER_VECTORS * k + v) * V_LANES;
      v_f32 x = v_load(copy) - mean[v];
      v_f32 g = STRIP_LOAD(cotangent + k * c->stride + v * V_LANES);
      __builtin_prefetch(c->output + column + k * c->stride + v * V_LANES, 1);
      v_store(copy, x);
      v_store(copy + LAYER_VECTORS * V_LANES, g);
      g *= scale;
      square[v] = v_fma(x, x, square[v]);
      inner[v] += g;
      dot[v] = v_fma(g, x, dot[v]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) {
    factor[v] = 1 / v_sqrt(square[v] * share + c->epsilon);
    if (!is_whole) factor[v] = v_keep(factor[v], n, v_set(0));
    inner[v] *= share;
    dot[v] *= share * factor[v] * factor[v];
  }
  for (size_t k = 0; k < c->axis; k++) {
    const float scale = c->scale ? c->scale[k] : 1;
    float *lanes = c->lane_sums + 2 * k * V_LANES;
    v_f32 of_scale = v_load(lanes), of_bias = v_load(lanes + V_LANES);
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
      const float *copy = copies + (2 * LAYER_VECTORS * k + v) * V_LANES;
      __builtin_prefetch(input + k * c->stride + (vectors + v) * V_LANES);
      v_f32 x = v_load(copy), g = v_load(copy + LAYER_VECTORS * V_LANES);
      v_f32 y = factor[v] * (g * scale - inner[v] - x * dot[v]);
      const size_t place = column + k * c->stride + v * V_LANES;
      if (c->addend) y += STRIP_LOAD(c->addend + place);
      float *output = c->output + place;
      if (is_whole) v_store(output, y);
      else v_store_partial(output, y, n);
      // Lanes behind the strip have a cotangent of 0.
      of_scale = v_fma(g, x * factor[v], of_scale);
      of_bias += g;
    }
    v_store(lanes, of_scale);
    v_store(lanes + V_LANES, of_bias);
  }
#undef STRIP_LOAD
}

void IR_ISA_NAME(f32_layer_normalization_gradient)(const struct ir_layer_normalization_columns *c) {
  memset(c->lane_sums, 0, 2 * c->axis * V_LANES * sizeof(float));
  size_t column = 0;
  for (; column + LAYER_VECTORS * V_LANES <= c->width; column += LAYER_VECTORS * V_LANES)
    layer_normalization_strip(c, column, LAYER_VECTORS, true, V_LANES);
  for (; column + V_LANES <= c->width; column += V_LANES)
    layer_normalization_strip(c, column, 1, true, V_LANES);
  if (column < c->width) layer_normalization_strip(c, column, 1, false, c->width - column);
  for (size_t i = 0; i < 2 * c->axis; i++) {
    v_f32 lanes = v_load(c->lane_sums + i * V_LANES);
    c->sums[i] = V_REDUCE(lanes, x + y);
  }
}
