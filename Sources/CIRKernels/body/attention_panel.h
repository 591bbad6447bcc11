#ifndef IR_ATTENTION_PANEL_H
#define IR_ATTENTION_PANEL_H

// Softmax attention of a panel of queries, which lie in the lanes: scores, weights and results need no sum
// over lanes.

#include <assert.h>

#include "pairs.h"
#include "vector_math.h"

enum {
  ATTENTION_VECTORS = 2,
  ATTENTION_ROWS = V_LANES == 16 ? 8 : 6,
  // Keys whose weights and values stay in the nearest caches for all channels.
  ATTENTION_KEYS = 128,
};

// Steps of a sum of so many products.
V_INLINE size_t attention_length(size_t count, const bool has_pairs) {
  return has_pairs ? (count + 1) / 2 : count;
}
V_INLINE v_f32 attention_product(v_f32 a, v_f32 b, v_f32 sum, const bool has_pairs) {
  return has_pairs ? dot_pairs(sum, a, b) : v_fma(a, b, sum);
}

// Adds the products of a panel of vectors with `rows` rows of numbers, one every `step`. `rows` and
// `has_pairs` are constants at every call, so the loops over rows unroll into registers.
V_INLINE void attention_products(
  const float *numbers, size_t row_step, size_t step, const size_t rows, const float *panel, size_t stride,
  size_t count, const bool has_pairs, v_f32 sum[ATTENTION_ROWS][ATTENTION_VECTORS]) {
  const float *row[ATTENTION_ROWS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) row[i] = numbers + i * row_step;
  for (size_t k = 0; k < attention_length(count, has_pairs); k++, panel += stride) {
    v_f32 left = v_load(panel), right = v_load(panel + V_LANES);
    const size_t at = k * step;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
      v_f32 x = v_set(row[i][at]);
      sum[i][0] = attention_product(x, left, sum[i][0], has_pairs);
      sum[i][1] = attention_product(x, right, sum[i][1], has_pairs);
    }
  }
}

// Whether keys came before these.
V_INLINE bool attention_goes_on(const struct ir_attention_panel *p) { return p->state && !p->is_first; }

V_INLINE void attention_scores(
  const struct ir_attention_panel *p, size_t first, const size_t rows, const bool has_pairs,
  v_f32 most[ATTENTION_VECTORS]) {
  v_f32 sum[ATTENTION_ROWS][ATTENTION_VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) sum[i][0] = sum[i][1] = v_set(0);
  attention_products(
    p->key + first * p->key_step, p->key_step, p->key_depth_step, rows, p->query, p->query_stride, p->depth,
    has_pairs, sum);
  for (size_t t = 0; t < IR_ATTENTION_MAX_TERMS; t++) {
    if (!p->terms[t]) continue;
    const float *term = p->terms[t] + first * p->term_stride;
    size_t left = p->columns < V_LANES ? p->columns : V_LANES, right = p->columns - left;
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++, term += p->term_stride) {
      if (right == V_LANES) {
        sum[i][0] += v_load(term), sum[i][1] += v_load(term + V_LANES);
      } else {
        sum[i][0] += v_load_partial(term, left);
        if (right) sum[i][1] += v_load_partial(term + V_LANES, right);
      }
    }
  }
  float *scores = p->scores + first * ATTENTION_VECTORS * V_LANES;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++, scores += ATTENTION_VECTORS * V_LANES) {
#pragma clang loop unroll(full)
    for (size_t v = 0; v < ATTENTION_VECTORS; v++) {
      most[v] = v_max(most[v], sum[i][v]);
      v_store(scores + v * V_LANES, sum[i][v]);
    }
  }
}

// Results of keys before, times `share` where the keys begin, and the products of the weights of keys
// start ..< last with their values; with the last key they are complete, and multiplied by `factor`.
V_INLINE void attention_values(
  const struct ir_attention_panel *p, size_t first, const size_t rows, size_t start, size_t last,
  const bool has_pairs, const v_f32 share[ATTENTION_VECTORS], const v_f32 factor[ATTENTION_VECTORS]) {
  v_f32 sum[ATTENTION_ROWS][ATTENTION_VECTORS];
  float *output = p->output + first * p->output_stride;
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++) {
    const float *before = output + i * p->output_stride;
    if (start) {
      sum[i][0] = v_load(before), sum[i][1] = v_load(before + V_LANES);
    } else if (attention_goes_on(p)) {
      sum[i][0] = v_load(before) * share[0], sum[i][1] = v_load(before + V_LANES) * share[1];
    } else {
      sum[i][0] = sum[i][1] = v_set(0);
    }
  }
  const size_t skipped = attention_length(start, has_pairs);
  attention_products(
    p->value + first * p->value_depth_step + skipped * p->value_step, p->value_depth_step, p->value_step,
    rows, p->scores + skipped * ATTENTION_VECTORS * V_LANES, ATTENTION_VECTORS * V_LANES, last - start,
    has_pairs, sum);
  const bool is_complete = last == p->keys && (!p->state || p->is_last);
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++, output += p->output_stride) {
    v_store(output, is_complete ? sum[i][0] * factor[0] : sum[i][0]);
    v_store(output + V_LANES, is_complete ? sum[i][1] * factor[1] : sum[i][1]);
  }
}

// clang-format off
#define ATTENTION_CASES(call) \
  switch (rows) { \
    case 1: call(1); break; \
    case 2: call(2); break; \
    case 3: call(3); break; \
    case 4: call(4); break; \
    case 5: call(5); break; \
    case 6: call(6); break; \
    ATTENTION_MORE_CASES(call) \
  }
#if V_LANES == 16
#define ATTENTION_MORE_CASES(call) \
  case 7: call(7); break; \
  case 8: call(8); break;
#else
#define ATTENTION_MORE_CASES(call)
#endif
// clang-format on

// Exponentials of the scores of keys start ..< last in their place, pairs of them in the places of the first
// ones, and their sums.
V_INLINE void attention_weights(
  const struct ir_attention_panel *p, size_t start, size_t last, const v_f32 most[ATTENTION_VECTORS],
  const bool has_pairs, v_f32 sum[ATTENTION_VECTORS]) {
  const size_t step = has_pairs ? 2 : 1, width = ATTENTION_VECTORS * V_LANES;
  float *weights = p->scores + attention_length(start, has_pairs) * width;
  for (size_t j = start; j < last; j += step, weights += width) {
    const float *scores = p->scores + j * width;
#pragma clang loop unroll(full)
    for (size_t v = 0; v < ATTENTION_VECTORS; v++) {
      v_f32 power = v_exp_normal(v_load(scores + v * V_LANES) - most[v]);
      sum[v] += power;
      if (has_pairs) {
        v_f32 next = v_set(0);
        if (j + 1 < p->keys) next = v_exp_normal(v_load(scores + width + v * V_LANES) - most[v]);
        sum[v] += next;
        power = pair(power, next);
      }
      v_store(weights + v * V_LANES, power);
    }
  }
}

// `has_pairs` is a constant at every call: queries, keys and values are then pairs.
V_INLINE void attention(const struct ir_attention_panel *p, const bool has_pairs) {
  assert(p->columns >= 1 && p->columns <= ATTENTION_VECTORS * V_LANES && p->keys >= 1);
  v_f32 most[ATTENTION_VECTORS], sum[ATTENTION_VECTORS], share[ATTENTION_VECTORS], factor[ATTENTION_VECTORS];
  const bool goes_on = attention_goes_on(p);
  for (size_t v = 0; v < ATTENTION_VECTORS; v++) {
    most[v] = goes_on ? v_load(p->state + v * V_LANES) : v_set(-__builtin_inff());
    sum[v] = goes_on ? v_load(p->state + (ATTENTION_VECTORS + v) * V_LANES) : v_set(0);
    share[v] = most[v];
  }
  // Blocks of rows are as equal as they can be, so that no block runs nearly empty.
  size_t blocks = (p->keys + ATTENTION_ROWS - 1) / ATTENTION_ROWS;
  for (size_t block = 0, first = 0; block < blocks; block++) {
    size_t rows = p->keys / blocks + (block < p->keys % blocks);
#define ATTENTION_CALL(n) attention_scores(p, first, n, has_pairs, most)
    ATTENTION_CASES(ATTENTION_CALL)
#undef ATTENTION_CALL
    first += rows;
  }
  for (size_t v = 0; v < ATTENTION_VECTORS; v++) {
    if (p->state) v_store(p->state + v * V_LANES, most[v]);
    // If all scores so far are -infinity, weights are 0 and not the difference of two infinities.
    most[v] = v_select(most[v] == -__builtin_inff(), v_set(0), most[v]);
    share[v] = v_exp_normal(share[v] - most[v]);
    sum[v] = sum[v] * share[v];
  }
  blocks = (p->value_depth + ATTENTION_ROWS - 1) / ATTENTION_ROWS;
  for (size_t start = 0, last; start < p->keys; start = last) {
    last = p->keys - start > ATTENTION_KEYS ? start + ATTENTION_KEYS : p->keys;
    attention_weights(p, start, last, most, has_pairs, sum);
    for (size_t v = 0; v < ATTENTION_VECTORS; v++) factor[v] = 1 / sum[v];
    for (size_t block = 0, first = 0; block < blocks; block++) {
      size_t rows = p->value_depth / blocks + (block < p->value_depth % blocks);
#define ATTENTION_CALL(n) attention_values(p, first, n, start, last, has_pairs, share, factor)
      ATTENTION_CASES(ATTENTION_CALL)
#undef ATTENTION_CALL
      first += rows;
    }
  }
  if (p->state)
    for (size_t v = 0; v < ATTENTION_VECTORS; v++)
      v_store(p->state + (ATTENTION_VECTORS + v) * V_LANES, sum[v]);
}

#endif
