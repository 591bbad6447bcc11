// Kernels over planes of pixels: a value's channels lie `stride` elements apart, the pixels of a row
// next to each other, and vectors run along the row. Nothing is packed but weights.

#include <assert.h>
#include <math.h>

#include "../include/ir_kernels.h"

V_INLINE v_f32 planar_load(const float *p, size_t n) {
  return n == V_LANES ? v_load(p) : v_load_partial(p, n);
}
V_INLINE void planar_store(float *p, v_f32 v, size_t n) {
  if (n == V_LANES) v_store(p, v);
  else v_store_partial(p, v, n);
}

// `rows`, `vectors` and `is_whole` are constants at every call. The last vector has `n` lanes.
V_INLINE void product_tile(
  const struct ir_planar_product *t, const size_t rows, const size_t vectors, const bool is_whole,
  size_t x, size_t n) {
  const size_t last = vectors - 1;
  v_f32 sum[V_PLANAR_ROWS][V_PLANAR_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      const float *start = t->residual + i * t->residual_stride + x + j * V_LANES;
      sum[i][j] = !t->residual ? v_set(0)
                  : is_whole || j < last ? v_load(start) : v_load_partial(start, n);
    }

  const float *a = t->weights;
  for (size_t ty = 0; ty < t->kernel_height; ty++)
    for (size_t tx = 0; tx < t->kernel_width; tx++) {
      const float *b = t->input[ty] + x + tx * t->dilation;
      const size_t stride = t->input_stride[ty];
      for (size_t k = t->depth; k; k--) {
        v_f32 pixels[V_PLANAR_VECTORS];
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
          pixels[j] = is_whole || j < last ? v_load(b + j * V_LANES)
                                           : v_load_partial(b + j * V_LANES, n);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < rows; i++) {
          v_f32 weight = v_set(a[i]);
#pragma clang loop unroll(full)
          for (size_t j = 0; j < vectors; j++) sum[i][j] = v_fma(weight, pixels[j], sum[i][j]);
        }
        a += rows;
        b += stride;
      }
    }

#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    const float bias = t->bias ? t->bias[i] : 0;
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) {
      v_f32 y = sum[i][j] + bias;
      if (t->activation == IR_ACTIVATION_RELU) y = v_relu(y);
      float *c = t->output + i * t->output_stride + x + j * V_LANES;
      if (is_whole || j < last) v_store(c, y);
      else v_store_partial(c, y, n);
    }
  }
}

#define PRODUCT_VECTORS(rows, vectors) \
  if (n == V_LANES) product_tile(t, rows, vectors, true, x, n); \
  else product_tile(t, rows, vectors, false, x, n);

// A row is cut into chunks of nearly equal width.
V_INLINE void product_row(const struct ir_planar_product *t, const size_t rows) {
  size_t left = (t->columns + V_LANES - 1) / V_LANES, x = 0;
  for (size_t chunks = (left + V_PLANAR_VECTORS - 1) / V_PLANAR_VECTORS; chunks; chunks--) {
    size_t vectors = (left + chunks - 1) / chunks, end = x + vectors * V_LANES;
    size_t n = end <= t->columns ? V_LANES : t->columns + V_LANES - end;
    switch (vectors) {
      case 1: PRODUCT_VECTORS(rows, 1) break;
      case 2: PRODUCT_VECTORS(rows, 2) break;
#if V_PLANAR_VECTORS > 2
      case 3: PRODUCT_VECTORS(rows, 3) break;
#endif
    }
    x = end;
    left -= vectors;
  }
}

void IR_ISA_NAME(f32_planar_product)(const struct ir_planar_product *t) {
  assert(t->rows >= 1 && t->rows <= V_PLANAR_ROWS && t->kernel_height <= IR_PLANAR_MAX_KERNEL);
  switch (t->rows) {
    case 1: product_row(t, 1); break;
    case 2: product_row(t, 2); break;
    case 3: product_row(t, 3); break;
    case 4: product_row(t, 4); break;
#if V_PLANAR_ROWS > 4
    case 5: product_row(t, 5); break;
    case 6: product_row(t, 6); break;
    case 7: product_row(t, 7); break;
    case 8: product_row(t, 8); break;
#endif
  }
}

// The lanes of a vector of pixels at column x that exist.
struct lanes {
  size_t first, last;
};
V_INLINE struct lanes existing_lanes(const struct ir_planar_depthwise *t, size_t x, size_t n) {
  size_t first = t->first_column > x ? t->first_column - x : 0;
  size_t last = t->last_column > x ? t->last_column - x : 0;
  if (last > n) last = n;
  return (struct lanes){first < last ? first : last, last};
}

// One vector of `count` output rows, whose windows overlap in all but one row.
V_INLINE void depthwise_vector(
  const struct ir_planar_depthwise *t, const float *const *input, float *const *output,
  const v_f32 *weights, v_f32 bias, const size_t height, const size_t width, const size_t count,
  const bool is_edge, size_t x, size_t n) {
  v_f32 sum[2] = {bias, bias};
#pragma clang loop unroll(full)
  for (size_t k = 0; k < width; k++) {
    struct lanes lanes = {0, 0};
    if (is_edge) lanes = existing_lanes(t, x + k, n);
#pragma clang loop unroll(full)
    for (size_t y = 0; y < height + count - 1; y++) {
      const float *p = input[y] + x + k;
      v_f32 pixels = is_edge ? v_load_range(p, lanes.first, lanes.last) : v_load(p);
      if (y < height) sum[0] = v_fma(pixels, weights[y * width + k], sum[0]);
      if (count == 2 && y > 0) sum[1] = v_fma(pixels, weights[(y - 1) * width + k], sum[1]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t o = 0; o < count; o++) {
    if (t->activation == IR_ACTIVATION_RELU) sum[o] = v_relu(sum[o]);
    if (is_edge) planar_store(output[o] + x, sum[o], n);
    else v_store(output[o] + x, sum[o]);
  }
}

// Vectors of outputs whose windows lie in columns that exist, and which are whole.
V_INLINE struct lanes interior(const struct ir_planar_depthwise *t, size_t reach) {
  size_t first = (t->first_column + V_LANES - 1) / V_LANES * V_LANES, last = t->columns;
  if (t->last_column < reach) last = 0;
  else if (t->last_column - reach < last) last = t->last_column - reach;
  last = last / V_LANES * V_LANES;
  return (struct lanes){first < last ? first : last, last};
}

V_INLINE void depthwise_rows(
  const struct ir_planar_depthwise *t, const size_t height, const size_t width, const size_t count) {
  // Copies, as the compiler must take stores to change `t`.
  v_f32 weights[9], bias = v_set(t->bias);
  const float *input[4];
  float *output[2] = {t->output[0], t->output[1]};
  const size_t columns = t->columns;
#pragma clang loop unroll(full)
  for (size_t k = 0; k < height * width; k++) weights[k] = v_set(t->weights[k]);
#pragma clang loop unroll(full)
  for (size_t y = 0; y < height + count - 1; y++) input[y] = t->input[y];
  const struct lanes inside = interior(t, width - 1);
  for (size_t x = 0; x < inside.first; x += V_LANES)
    depthwise_vector(t, input, output, weights, bias, height, width, count, true, x, V_LANES);
  for (size_t x = inside.first; x < inside.last; x += V_LANES)
    depthwise_vector(t, input, output, weights, bias, height, width, count, false, x, V_LANES);
  for (size_t x = inside.last; x < columns; x += V_LANES) {
    size_t n = x + V_LANES <= columns ? V_LANES : columns - x;
    depthwise_vector(t, input, output, weights, bias, height, width, count, true, x, n);
  }
}

// Any window, one output row.
V_INLINE void depthwise_any(const struct ir_planar_depthwise *t) {
  const struct lanes inside = interior(t, (t->kernel_width - 1) * t->dilation);
  for (size_t x = 0; x < t->columns; x += V_LANES) {
    const bool is_edge = x < inside.first || x >= inside.last;
    size_t n = x + V_LANES <= t->columns ? V_LANES : t->columns - x;
    v_f32 sum = v_set(t->bias);
    for (size_t k = 0; k < t->kernel_width; k++) {
      const size_t column = x + k * t->dilation;
      struct lanes lanes = existing_lanes(t, column, n);
      for (size_t y = 0; y < t->kernel_height; y++) {
        const float *p = t->input[y] + column;
        v_f32 pixels = is_edge ? v_load_range(p, lanes.first, lanes.last) : v_load(p);
        sum = v_fma(pixels, v_set(t->weights[y * t->kernel_width + k]), sum);
      }
    }
    if (t->activation == IR_ACTIVATION_RELU) sum = v_relu(sum);
    planar_store(t->output[0] + x, sum, n);
  }
}

void IR_ISA_NAME(f32_planar_depthwise)(const struct ir_planar_depthwise *t) {
  assert(t->kernel_height <= IR_PLANAR_MAX_KERNEL && (t->count == 1 || t->count == 2));
  bool is_3x3 = t->dilation == 1 && t->kernel_height == 3 && t->kernel_width == 3;
  if (!is_3x3) {
    assert(t->count == 1);
    depthwise_any(t);
  } else if (t->count == 2) {
    depthwise_rows(t, 3, 3, 2);
  } else {
    depthwise_rows(t, 3, 3, 1);
  }
}

enum { NORMALIZE_VECTORS = 4 };

V_INLINE void normalize_pixels(
  const struct ir_planar_normalize *t, const size_t vectors, size_t x, size_t n) {
  const size_t last = vectors - 1;
  const float *input = t->input + x;
  float *output = t->output + x;
  v_f32 mean[NORMALIZE_VECTORS], factor[NORMALIZE_VECTORS];
#define NORMALIZE_EACH _Pragma("clang loop unroll(full)") for (size_t j = 0; j < vectors; j++)
#define NORMALIZE_LOAD(channel) \
  planar_load(input + (channel) * t->input_stride + j * V_LANES, j < last ? V_LANES : n)
  NORMALIZE_EACH mean[j] = factor[j] = v_set(0);
  if (t->is_centred) {
    for (size_t c = 0; c < t->channels; c++) NORMALIZE_EACH mean[j] += NORMALIZE_LOAD(c);
    NORMALIZE_EACH mean[j] /= (float)t->channels;
  }
  for (size_t c = 0; c < t->channels; c++) NORMALIZE_EACH {
    v_f32 deviation = NORMALIZE_LOAD(c) - mean[j];
    factor[j] = v_fma(deviation, deviation, factor[j]);
  }
  NORMALIZE_EACH factor[j] = 1 / v_sqrt(factor[j] / (float)t->channels + t->epsilon);
  for (size_t c = 0; c < t->channels; c++) {
    v_f32 scale = v_set(t->scale ? t->scale[c] : 1), bias = v_set(t->bias ? t->bias[c] : 0);
    NORMALIZE_EACH {
      v_f32 y = v_fma((NORMALIZE_LOAD(c) - mean[j]) * factor[j], scale, bias);
      planar_store(output + c * t->output_stride + j * V_LANES, y, j < last ? V_LANES : n);
    }
  }
}

void IR_ISA_NAME(f32_planar_normalize)(const struct ir_planar_normalize *t) {
  const size_t step = NORMALIZE_VECTORS * V_LANES;
  size_t x = 0;
  for (; x + step <= t->columns; x += step) normalize_pixels(t, NORMALIZE_VECTORS, x, V_LANES);
  for (; x + V_LANES <= t->columns; x += V_LANES) normalize_pixels(t, 1, x, V_LANES);
  if (x < t->columns) normalize_pixels(t, 1, x, t->columns - x);
}
