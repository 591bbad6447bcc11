// Depthwise convolutions of planes of pixels: vectors run along the rows.

#include <assert.h>
#include <stdint.h>

#include "../include/ir_kernels.h"

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

// Vectors of outputs whose windows lie in columns that exist, and which are whole.
V_INLINE struct lanes interior(const struct ir_planar_depthwise *t, size_t reach) {
  size_t first = (t->first_column + V_LANES - 1) / V_LANES * V_LANES, last = t->columns;
  if (t->last_column < reach) last = 0;
  else if (t->last_column - reach < last) last = t->last_column - reach;
  last = last / V_LANES * V_LANES;
  return (struct lanes){first < last ? first : last, last};
}

// The columns of a row from x on; those that do not exist are 0.
V_INLINE v_f32 row_columns(
  const struct ir_planar_depthwise *t, const float *row, size_t x, const bool is_edge) {
  if (!is_edge) return v_load(row + x);
  struct lanes lanes = existing_lanes(t, x, V_LANES);
  return v_load_range(row + x, lanes.first, lanes.last);
}

// The vectors of the rows of a window that one call of depthwise_vector leaves to the next: a load that straddles
// cache lines costs more than shifting. `is_behind` says that the second column of the rows is aligned and not the
// first: then the vectors lie one column on, and of those before them one lane is needed.
struct window_rows {
  const float *input[IR_PLANAR_DEPTHWISE_ROWS + 2];
  float *output[IR_PLANAR_DEPTHWISE_ROWS];
  v_f32 weights[9], bias, before[IR_PLANAR_DEPTHWISE_ROWS + 2], current[IR_PLANAR_DEPTHWISE_ROWS + 2];
};

// A vector of `count` output rows, top to bottom: each input row is added to the three output rows whose windows
// it lies in. An output adds up its window row by row, whatever the count.
V_INLINE void depthwise_vector(
  const struct ir_planar_depthwise *t, const size_t count, struct window_rows *rows, size_t x, size_t n,
  const bool is_behind, const bool is_edge, const bool is_whole) {
  v_f32 sum[IR_PLANAR_DEPTHWISE_ROWS];
#pragma clang loop unroll(full)
  for (size_t y = 0; y < count + 2; y++) {
    const v_f32 current = rows->current[y];
    const v_f32 next = row_columns(t, rows->input[y], x + is_behind + V_LANES, is_edge);
    const v_f32 first = is_behind ? V_JOINED(rows->before[y], current, V_LANES - 1) : current;
    const v_f32 last = is_behind ? V_JOINED(current, next, 1) : V_JOINED(current, next, 2);
    const v_f32 taps[3] = {first, is_behind ? current : V_JOINED(current, next, 1), last};
    rows->before[y] = current;
    rows->current[y] = next;
#pragma clang loop unroll(full)
    for (size_t k = 0; k < 3; k++)
#pragma clang loop unroll(full)
      for (size_t o = y < 2 ? 0 : y - 2; o <= y && o < count; o++)
        sum[o] = v_fma(taps[k], rows->weights[(y - o) * 3 + k], o == y && k == 0 ? rows->bias : sum[o]);
    if (y < 2) continue;
    v_f32 result = sum[y - 2];
    if (t->activation == IR_ACTIVATION_RELU) result = v_relu(result);
    if (is_whole) v_store(rows->output[y - 2] + x, result);
    else v_store_partial(rows->output[y - 2] + x, result, n);
  }
}

V_INLINE void depthwise_rows(
  const struct ir_planar_depthwise *t, const size_t count, const bool is_behind) {
  assert(t->first_column <= V_LANES);
  const size_t columns = t->columns;
  // Where all columns exist what lies behind them may be read.
  const bool are_all = t->last_column == SIZE_MAX;
  struct window_rows rows = {.bias = v_set(t->bias ? *t->bias : 0)};
#pragma clang loop unroll(full)
  for (size_t k = 0; k < 9; k++) rows.weights[k] = v_set(t->weights[k]);
#pragma clang loop unroll(full)
  for (size_t y = 0; y < count; y++) rows.output[y] = t->output[y];
#pragma clang loop unroll(full)
  for (size_t y = 0; y < count + 2; y++) {
    rows.input[y] = t->input[y];
    rows.before[y] = v_set(is_behind && !t->first_column ? *t->input[y] : 0);
    rows.current[y] = row_columns(t, t->input[y], is_behind, !are_all);
  }
  const size_t inside = are_all ? SIZE_MAX : t->last_column - is_behind;
  const size_t most = inside < V_LANES ? 0 : inside - V_LANES;
  const size_t whole = (most < columns ? most : columns) / V_LANES * V_LANES;
  size_t x = 0;
  // As many vectors as make the rows' vectors take each other's places without being moved.
#define WHOLE_VECTORS \
  for (; x < whole; x += V_LANES) depthwise_vector(t, count, &rows, x, V_LANES, is_behind, false, true);
  if (is_behind) {
#pragma clang loop unroll_count(3)
    WHOLE_VECTORS
  } else {
#pragma clang loop unroll_count(2)
    WHOLE_VECTORS
  }
#undef WHOLE_VECTORS
  if (are_all) {
    if (x < columns) depthwise_vector(t, count, &rows, x, columns - x, is_behind, false, false);
    return;
  }
  for (; x < columns; x += V_LANES)
    depthwise_vector(
      t, count, &rows, x, columns - x < V_LANES ? columns - x : V_LANES, is_behind, true, false);
}

// Any window, one output row.
V_INLINE void depthwise_any(const struct ir_planar_depthwise *t) {
  const struct lanes inside = interior(t, (t->kernel_width - 1) * t->dilation);
  for (size_t x = 0; x < t->columns; x += V_LANES) {
    const bool is_edge = x < inside.first || x >= inside.last;
    size_t n = x + V_LANES <= t->columns ? V_LANES : t->columns - x;
    v_f32 sum = v_set(t->bias ? *t->bias : 0);
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
    v_store_some(t->output[0] + x, sum, n);
  }
}

// `is_3x3` and `count` are constants at every call.
V_INLINE void depthwise_channels(const struct ir_planar_depthwise *source, const bool is_3x3, const size_t count) {
  // A copy, as the compiler must take stores to change the source.
  struct ir_planar_depthwise t = *source;
  const size_t taps = t.kernel_height * t.kernel_width, rows = is_3x3 ? count + 2 : t.kernel_height;
  for (size_t c = 0; c < t.channels; c++) {
    for (size_t k = rows - t.prefetched_rows; k < rows; k++)
      for (size_t x = 0; x < t.columns; x += IR_CACHE_LINE / sizeof(float))
        __builtin_prefetch(t.input[k] + t.input_stride[k] + x);
    // The middle row of the first window lies in the image.
    if (!is_3x3) depthwise_any(&t);
    else if ((uintptr_t)(t.input[1] + 1) % sizeof(v_f32)) depthwise_rows(&t, count, false);
    else depthwise_rows(&t, count, true);
    t.weights += taps;
    if (t.bias) t.bias++;
    for (size_t k = 0; k < rows; k++) t.input[k] += t.input_stride[k];
    for (size_t k = 0; k < count; k++) t.output[k] += t.output_stride;
  }
}

void IR_ISA_NAME(f32_planar_depthwise)(const struct ir_planar_depthwise *t) {
  assert(t->kernel_height <= IR_PLANAR_MAX_KERNEL && t->count <= IR_PLANAR_DEPTHWISE_ROWS);
  if (t->dilation != 1 || t->kernel_height != 3 || t->kernel_width != 3) {
    assert(t->count == 1);
    depthwise_channels(t, false, 1);
    return;
  }
  switch (t->count) {
    case 1: depthwise_channels(t, true, 1); break;
    case 2: depthwise_channels(t, true, 2); break;
    case 3: depthwise_channels(t, true, 3); break;
    case 4: depthwise_channels(t, true, 4); break;
  }
}
