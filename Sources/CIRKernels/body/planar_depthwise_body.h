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

// Vectors of outputs whose windows lie in columns that exist. Behind the last column of rolling rows floats
// may be read.
V_INLINE struct lanes interior(const struct ir_planar_depthwise *t, size_t reach) {
  size_t first = (t->first_column + V_LANES - 1) / V_LANES * V_LANES, last = t->columns;
  if (t->last_column == SIZE_MAX) return (struct lanes){first, (last + V_LANES - 1) / V_LANES * V_LANES};
  if (t->last_column < reach) last = 0;
  else if (t->last_column - reach < last) last = t->last_column - reach;
  last = last / V_LANES * V_LANES;
  return (struct lanes){first < last ? first : last, last};
}

// The columns of a row from x on; those that do not exist are 0.
V_INLINE v_f32
row_columns(const struct ir_planar_depthwise *t, const float *row, size_t x, const bool is_edge) {
  if (!is_edge) return v_load(row + x);
  struct lanes lanes = existing_lanes(t, x, V_LANES);
  return v_load_range(row + x, lanes.first, lanes.last);
}

// Rows of a channel, top to bottom, and the window that each output row is of.
struct window_rows {
  const float *input[IR_PLANAR_DEPTHWISE_ROWS + 2];
  float *output[IR_PLANAR_DEPTHWISE_ROWS];
  v_f32 weights[9], bias;
};

// Vectors of pixels as the left, middle and right column of windows, each column added up for itself: sums
// are shifted to where their windows lie, which takes fewer shifts than shifting each row, and no loads that
// straddle cache lines.
struct column_sums {
  v_f32 left[IR_PLANAR_DEPTHWISE_ROWS], middle[IR_PLANAR_DEPTHWISE_ROWS], right[IR_PLANAR_DEPTHWISE_ROWS];
};

// Constants at every call of the functions below. `is_behind`: the second column of the rows is aligned and
// not the first; vectors of pixels begin there, and are the middle of the windows of the outputs at x, else
// the left.
struct window_kind {
  size_t count;
  bool is_behind, is_relu;
};

V_INLINE void add_column(
  const struct window_rows *rows, const struct window_kind kind, const size_t column, const v_f32 *pixels,
  v_f32 *sums) {
#pragma clang loop unroll(full)
  for (size_t o = 0; o < kind.count; o++) {
    sums[o] =
      column == 1 ? v_fma(rows->weights[1], pixels[o], rows->bias) : rows->weights[column] * pixels[o];
    sums[o] = v_fma(rows->weights[3 + column], pixels[o + 1], sums[o]);
    sums[o] = v_fma(rows->weights[6 + column], pixels[o + 2], sums[o]);
  }
}

// Of the vector behind the last one, not all columns are of windows.
V_INLINE void load_columns(
  const struct ir_planar_depthwise *t, const struct window_rows *rows, const struct window_kind kind,
  size_t x, const bool is_edge, const bool is_behind_last, struct column_sums *sums) {
  v_f32 pixels[IR_PLANAR_DEPTHWISE_ROWS + 2];
#pragma clang loop unroll(full)
  for (size_t y = 0; y < kind.count + 2; y++)
    pixels[y] = row_columns(t, rows->input[y], x + kind.is_behind, is_edge);
  if (!is_behind_last) add_column(rows, kind, 0, pixels, sums->left);
  if (!is_behind_last || !kind.is_behind) add_column(rows, kind, 1, pixels, sums->middle);
  add_column(rows, kind, 2, pixels, sums->right);
}

// `n` outputs at x from the sums of a vector and of those around it: the middle column, then left, then
// right.
V_INLINE void store_outputs(
  const struct window_rows *rows, const struct window_kind kind, size_t x, const bool is_whole, size_t n,
  const v_f32 *left_before, const struct column_sums *current, const struct column_sums *next) {
#pragma clang loop unroll(full)
  for (size_t o = 0; o < kind.count; o++) {
    const v_f32 left =
      kind.is_behind ? V_JOINED(left_before[o], current->left[o], V_LANES - 1) : current->left[o];
    const v_f32 middle =
      kind.is_behind ? current->middle[o] : V_JOINED(current->middle[o], next->middle[o], 1);
    const v_f32 right = kind.is_behind ? V_JOINED(current->right[o], next->right[o], 1)
                                       : V_JOINED(current->right[o], next->right[o], 2);
    v_f32 result = middle + left + right;
    if (kind.is_relu) result = v_relu(result);
    if (is_whole) v_store(rows->output[o] + x, result);
    else v_store_partial(rows->output[o] + x, result, n);
  }
}

// If `are_all` columns exist, the floats behind them may be read.
V_SPECIALIZED void depthwise_rows(
  const struct ir_planar_depthwise *t, const struct window_rows *rows, const struct window_kind kind,
  const bool are_all) {
  const size_t last = (t->columns - 1) / V_LANES * V_LANES, n = t->columns - last;
  v_f32 before[IR_PLANAR_DEPTHWISE_ROWS + 2], left[IR_PLANAR_DEPTHWISE_ROWS];
  struct column_sums current, next;
  if (kind.is_behind) {
#pragma clang loop unroll(full)
    for (size_t y = 0; y < kind.count + 2; y++)
      before[y] = v_set(are_all || !t->first_column ? *rows->input[y] : 0);
    add_column(rows, kind, 0, before, left);
  }
  load_columns(t, rows, kind, 0, !are_all, false, &current);
  for (size_t x = 0; x < last; x += V_LANES) {
    if (are_all || x + 2 * V_LANES + kind.is_behind <= t->last_column)
      load_columns(t, rows, kind, x + V_LANES, false, false, &next);
    else load_columns(t, rows, kind, x + V_LANES, true, false, &next);
    store_outputs(rows, kind, x, true, V_LANES, left, &current, &next);
#pragma clang loop unroll(full)
    for (size_t o = 0; o < kind.count; o++) left[o] = current.left[o];
    current = next;
  }
  load_columns(t, rows, kind, last + V_LANES, !are_all, true, &next);
  if (n == V_LANES) store_outputs(rows, kind, last, true, n, left, &current, &next);
  else store_outputs(rows, kind, last, false, n, left, &current, &next);
}

// Asks for the rows of the next channel that no window has read before.
V_INLINE void prefetch_channel(const struct ir_planar_depthwise *t, const float *const *rows, size_t count) {
  for (size_t k = count - t->prefetched_rows; k < count; k++)
    for (size_t x = 0; x < t->columns; x += IR_CACHE_LINE / sizeof(float))
      __builtin_prefetch(rows[k] + t->input_stride[k] + x);
}

// All of `kind` and `are_all` are constants at every call.
V_INLINE void depthwise_3x3(
  const struct ir_planar_depthwise *t, const struct window_kind kind, const bool are_all) {
  assert(t->first_column <= V_LANES);
  const float *weights = t->weights, *bias = t->bias;
  struct window_rows rows;
#pragma clang loop unroll(full)
  for (size_t y = 0; y < kind.count + 2; y++) rows.input[y] = t->input[y];
#pragma clang loop unroll(full)
  for (size_t y = 0; y < kind.count; y++) rows.output[y] = t->output[y];
  for (size_t c = t->channels; c; c--) {
    if (!are_all) prefetch_channel(t, rows.input, kind.count + 2);
#pragma clang loop unroll(full)
    for (size_t k = 0; k < 9; k++) rows.weights[k] = v_set(weights[k]);
    rows.bias = v_set(bias ? *bias++ : 0);
    depthwise_rows(t, &rows, kind, are_all);
    weights += 9;
#pragma clang loop unroll(full)
    for (size_t y = 0; y < kind.count + 2; y++) rows.input[y] += t->input_stride[y];
#pragma clang loop unroll(full)
    for (size_t y = 0; y < kind.count; y++) rows.output[y] += t->output_stride;
  }
}

// Vectors of outputs that are computed side by side, as each one's sum is a chain.
enum { ANY_WINDOW_VECTORS = 4 };

// Any window, some vectors of an output row. `vectors` and `is_edge` are constants at every call.
V_INLINE void depthwise_vectors(
  const struct ir_planar_depthwise *t, size_t x, const size_t vectors, const bool is_edge) {
  v_f32 sum[ANY_WINDOW_VECTORS];
  struct lanes lanes[ANY_WINDOW_VECTORS];
  const size_t behind = x + (vectors - 1) * V_LANES, n = t->columns - behind;
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) sum[v] = v_set(t->bias ? *t->bias : 0);
  for (size_t k = 0; k < t->kernel_width; k++) {
    const size_t column = x + k * t->dilation;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++)
      lanes[v] = existing_lanes(t, column + v * V_LANES, v + 1 < vectors || n > V_LANES ? V_LANES : n);
    for (size_t y = 0; y < t->kernel_height; y++) {
      const float *p = t->input[y] + column;
      const v_f32 weight = v_set(t->weights[y * t->kernel_width + k]);
#pragma clang loop unroll(full)
      for (size_t v = 0; v < vectors; v++) {
        const v_f32 pixels =
          is_edge ? v_load_range(p + v * V_LANES, lanes[v].first, lanes[v].last) : v_load(p + v * V_LANES);
        sum[v] = v_fma(pixels, weight, sum[v]);
      }
    }
  }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) {
    if (t->activation == IR_ACTIVATION_RELU) sum[v] = v_relu(sum[v]);
    if (v + 1 < vectors) v_store(t->output[0] + x + v * V_LANES, sum[v]);
    else v_store_some(t->output[0] + behind, sum[v], n);
  }
}

// Any window, one output row.
V_INLINE void depthwise_any(const struct ir_planar_depthwise *t) {
  const struct lanes inside = interior(t, (t->kernel_width - 1) * t->dilation);
  const size_t count = (t->columns + V_LANES - 1) / V_LANES;
  const size_t blocks = (count + ANY_WINDOW_VECTORS - 1) / ANY_WINDOW_VECTORS;
  for (size_t b = 0; b < blocks; b++) {
    const size_t first = count * b / blocks, last = count * (b + 1) / blocks, x = first * V_LANES;
    const bool is_edge = x < inside.first || last * V_LANES > inside.last;
#define WITH(n) \
  case n: \
    if (is_edge) depthwise_vectors(t, x, n, true); \
    else depthwise_vectors(t, x, n, false); \
    break;
    switch (last - first) { WITH(1) WITH(2) WITH(3) WITH(4) }
#undef WITH
  }
}

// `count` is a constant at every call.
V_INLINE void depthwise_3x3_rows(const struct ir_planar_depthwise *t, const size_t count) {
  // The middle row of the first window lies in the image. Rows of other channels lie like those of the first.
  const bool is_behind = (uintptr_t)(t->input[1] + 1) % sizeof(v_f32) == 0;
  const bool are_all = t->last_column == SIZE_MAX, is_relu = t->activation == IR_ACTIVATION_RELU;
#define WITH(behind, relu) \
  if (is_behind == behind && is_relu == relu) { \
    const struct window_kind kind = {count, behind, relu}; \
    if (are_all) depthwise_3x3(t, kind, true); \
    else depthwise_3x3(t, kind, false); \
  }
  WITH(false, false)
  WITH(false, true)
  WITH(true, false)
  WITH(true, true)
#undef WITH
}

V_INLINE void depthwise_channels(const struct ir_planar_depthwise *source) {
  // A copy, as the compiler must take stores to change the source.
  struct ir_planar_depthwise t = *source;
  const size_t taps = t.kernel_height * t.kernel_width;
  for (size_t c = 0; c < t.channels; c++) {
    prefetch_channel(&t, t.input, t.kernel_height);
    depthwise_any(&t);
    t.weights += taps;
    if (t.bias) t.bias++;
    for (size_t k = 0; k < t.kernel_height; k++) t.input[k] += t.input_stride[k];
    t.output[0] += t.output_stride;
  }
}

void IR_ISA_NAME(f32_planar_depthwise)(const struct ir_planar_depthwise *t) {
  assert(t->kernel_height <= IR_PLANAR_MAX_KERNEL && t->count <= IR_PLANAR_DEPTHWISE_ROWS);
  if (!t->columns) return;
  if (t->dilation != 1 || t->kernel_height != 3 || t->kernel_width != 3) {
    assert(t->count == 1);
    depthwise_channels(t);
    return;
  }
  switch (t->count) {
    case 1: depthwise_3x3_rows(t, 1); break;
    case 2: depthwise_3x3_rows(t, 2); break;
    case 3: depthwise_3x3_rows(t, 3); break;
    case 4: depthwise_3x3_rows(t, 4); break;
  }
}
