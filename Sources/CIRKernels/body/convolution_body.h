// Depthwise convolution and the row accumulations of other sliding windows.

#include <assert.h>

#include "../include/ir_kernels.h"

// The inputs left of, at and right of x, with zeros outside 0 ..< width.
V_INLINE void window_at_edge(const float *row, size_t x, size_t width, v_f32 window[3]) {
  float copy[V_LANES + 2];
  for (size_t i = 0; i < V_LANES + 2; i++) copy[i] = x + i >= 1 && x + i - 1 < width ? row[x + i - 1] : 0;
  for (int i = 0; i < 3; i++) window[i] = v_load(copy + i);
}

enum place { NARROW, LEFT_EDGE, INTERIOR, RIGHT_EDGE, PARTIAL };

V_INLINE void load_window(const float *row, size_t x, size_t width, const enum place place, v_f32 window[3]) {
  const float *p = row + x;
  if (place == PARTIAL) {
    window_at_edge(row, x, width, window);
    return;
  }
  if (place == NARROW) {
    // The whole row in one vector, zeros behind it.
    window[1] = v_load_partial(row, width);
    window[0] = v_shift_right(window[1]);
    window[2] = v_shift_left(window[1]);
    return;
  }
  window[1] = v_load(p);
  window[0] = place == LEFT_EDGE ? v_shift_right(window[1]) : v_load(p - 1);
  window[2] = place == RIGHT_EDGE ? v_shift_left(window[1]) : v_load(p + 1);
}

V_INLINE void depthwise_at(
  const struct ir_depthwise_rows *r, const size_t count, size_t x, const enum place place,
  const v_f32 weights[9]) {
  v_f32 sum[2] = {v_set(r->bias), v_set(r->bias)};
#pragma clang loop unroll(full)
  for (size_t i = 0; i < count + 2; i++) {
    v_f32 window[3];
    load_window(r->rows[i], x, r->width, place, window);
#pragma clang loop unroll(full)
    for (size_t o = 0; o < count; o++) {
      if (i < o || i > o + 2) continue;
      const v_f32 *w = weights + 3 * (i - o);
      sum[o] = v_fma(window[0], w[0], sum[o]);
      sum[o] = v_fma(window[1], w[1], sum[o]);
      sum[o] = v_fma(window[2], w[2], sum[o]);
    }
  }
  size_t n = r->width - x;
#pragma clang loop unroll(full)
  for (size_t o = 0; o < count; o++) {
    v_f32 y = sum[o];
    if (r->residual[o])
      y += (place == PARTIAL || place == NARROW) && n < V_LANES ? v_load_partial(r->residual[o] + x, n)
                                                                : v_load(r->residual[o] + x);
    if (r->activation == IR_ACTIVATION_RELU) y = v_relu(y);
    if ((place == PARTIAL || place == NARROW) && n < V_LANES) v_store_partial(r->output[o] + x, y, n);
    else v_store(r->output[o] + x, y);
  }
}

V_INLINE void depthwise(const struct ir_depthwise_rows *r, const size_t count) {
  v_f32 weights[9];
  for (int i = 0; i < 9; i++) weights[i] = v_set(r->weights[i]);
  if (r->width <= V_LANES) {
    depthwise_at(r, count, 0, NARROW, weights);
    return;
  }
  depthwise_at(r, count, 0, LEFT_EDGE, weights);
  size_t x = V_LANES;
  for (; x + V_LANES < r->width; x += V_LANES) depthwise_at(r, count, x, INTERIOR, weights);
  if (x + V_LANES == r->width) depthwise_at(r, count, x, RIGHT_EDGE, weights);
  else depthwise_at(r, count, x, PARTIAL, weights);
}

void IR_ISA_NAME(f32_depthwise_3x3)(const struct ir_depthwise_rows *rows) {
  assert(rows->width > 0 && (rows->count == 1 || rows->count == 2));
  if (rows->count == 1) depthwise(rows, 1);
  else depthwise(rows, 2);
}

V_INLINE void depthwise_taps(const struct ir_depthwise_taps *t, size_t x, const size_t vectors) {
  v_f32 sum[4];
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) sum[v] = v_set(t->bias);
  for (size_t k = 0; k < t->count; k++) {
    const v_f32 weight = v_set(t->weights[k]);
    const float *input = t->inputs[k] + x;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) sum[v] = v_fma(v_load(input + v * V_LANES), weight, sum[v]);
  }
#pragma clang loop unroll(full)
  for (size_t v = 0; v < vectors; v++) {
    const size_t at = x + v * V_LANES, n = at < t->width ? t->width - at : 0;
    v_f32 y = sum[v];
    if (t->residual) y += n < V_LANES ? v_load_partial(t->residual + at, n) : v_load(t->residual + at);
    if (t->activation == IR_ACTIVATION_RELU) y = v_relu(y);
    if (n < V_LANES) v_store_partial(t->output + at, y, n);
    else v_store(t->output + at, y);
  }
}

void IR_ISA_NAME(f32_depthwise_taps)(const struct ir_depthwise_taps *taps) {
  size_t x = 0;
  for (; x + 4 * V_LANES <= taps->width; x += 4 * V_LANES) depthwise_taps(taps, x, 4);
  for (; x < taps->width; x += V_LANES) depthwise_taps(taps, x, 1);
}

// Outputs of which the sums stay in registers together.
enum { OUTPUTS_AT_ONCE = 8 };

// `outputs` is a constant at every call.
V_INLINE void depthwise_lanes(
  const struct ir_depthwise_lanes *t, const float *input, float *output, const size_t outputs) {
  v_f32 sum[OUTPUTS_AT_ONCE];
#pragma clang loop unroll(full)
  for (size_t o = 0; o < outputs; o++) sum[o] = t->bias ? v_load(t->bias) : v_set(0);
  for (size_t k = 0; k < t->count; k++) {
    const v_f32 weight = v_load(t->weights + k * V_LANES);
    const float *p = input + t->offsets[k];
#pragma clang loop unroll(full)
    for (size_t o = 0; o < outputs; o++) sum[o] = v_fma(v_load(p + o * t->step), weight, sum[o]);
  }
#pragma clang loop unroll(full)
  for (size_t o = 0; o < outputs; o++)
    v_store(output + o * V_LANES, t->activation == IR_ACTIVATION_RELU ? v_relu(sum[o]) : sum[o]);
}

void IR_ISA_NAME(f32_depthwise_lanes)(const struct ir_depthwise_lanes *lanes) {
  const size_t blocks = (lanes->width + OUTPUTS_AT_ONCE - 1) / OUTPUTS_AT_ONCE;
  for (size_t b = 0; b < blocks; b++) {
    const size_t x = lanes->width * b / blocks, outputs = lanes->width * (b + 1) / blocks - x;
    for (size_t y = 0; y < lanes->rows; y++) {
      const float *input = lanes->input + y * lanes->row_step + x * lanes->step;
      float *output = lanes->output + (y * lanes->width + x) * V_LANES;
      // clang-format off
      switch (outputs) {
        case 1: depthwise_lanes(lanes, input, output, 1); break;
        case 2: depthwise_lanes(lanes, input, output, 2); break;
        case 3: depthwise_lanes(lanes, input, output, 3); break;
        case 4: depthwise_lanes(lanes, input, output, 4); break;
        case 5: depthwise_lanes(lanes, input, output, 5); break;
        case 6: depthwise_lanes(lanes, input, output, 6); break;
        case 7: depthwise_lanes(lanes, input, output, 7); break;
        case 8: depthwise_lanes(lanes, input, output, 8); break;
      }
      // clang-format on
    }
  }
}

V_INLINE v_f32 load_strided(const float *p, size_t stride) {
  v_f32 v;
  for (size_t i = 0; i < V_LANES; i++) v[i] = p[i * stride];
  return v;
}

void IR_ISA_NAME(f32_accumulate)(
  size_t count, float weight, const float *input, size_t stride, float *output) {
  size_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) {
    v_f32 x = stride == 1 ? v_load(input + i) : load_strided(input + i * stride, stride);
    v_store(output + i, v_fma(x, v_set(weight), v_load(output + i)));
  }
  for (; i < count; i++) {
    v_f32 x = v_set(input[i * stride]), y = v_set(output[i]);
    output[i] = v_fma(x, v_set(weight), y)[0];
  }
}

void IR_ISA_NAME(f32_accumulate_maximum)(size_t count, const float *input, size_t stride, float *output) {
  size_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) {
    v_f32 x = stride == 1 ? v_load(input + i) : load_strided(input + i * stride, stride);
    v_f32 y = v_load(output + i);
    v_store(output + i, v_select(y != y, y, v_max(y, x)));
  }
  for (; i < count; i++) {
    float x = input[i * stride], y = output[i];
    output[i] = y != y || y > x ? y : x;
  }
}
