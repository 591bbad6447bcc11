// Rows of float32 to pairs of bfloat16.

#include "pairs.h"

// Columns x ..< x + n, at most a vector, of rows k and k + 1, of which the second may not exist.
V_INLINE v_f32 pair_rows(const float *low, const float *high, bool has_high, size_t x, size_t n) {
  return pair(v_load_some(low + x, n), has_high ? v_load_some(high + x, n) : v_set(0));
}

void IR_ISA_NAME(bf16_pairs)(
  size_t depth, size_t columns, const float *input, size_t stride, float *pairs, size_t pairs_stride) {
  for (size_t k = 0; k < depth; k += 2) {
    const float *low = input + k * stride, *high = low + stride;
    float *target = pairs + k / 2 * pairs_stride;
    for (size_t x = 0; x < columns; x += V_LANES) {
      size_t n = columns - x < V_LANES ? columns - x : V_LANES;
      v_store(target + x, pair_rows(low, high, k + 1 < depth, x, n));
    }
  }
}

void IR_ISA_NAME(bf16_pair_rows)(size_t depth, size_t columns, const float *input, float *pairs) {
  for (size_t k = 0; k < depth; k += 2, pairs += columns) {
    const float *low = input + k * columns, *high = low + columns;
    for (size_t x = 0; x < columns; x += V_LANES) {
      size_t n = columns - x < V_LANES ? columns - x : V_LANES;
      v_store_some(pairs + x, pair_rows(low, high, k + 1 < depth, x, n), n);
    }
  }
}

void IR_ISA_NAME(bf16_pair_neighbours)(size_t count, const float *input, float *pairs) {
  for (size_t i = 0; i < count; i += 2 * V_LANES) {
    const size_t left = count - i, first = left < V_LANES ? left : V_LANES;
    const size_t second = left - first < V_LANES ? left - first : V_LANES;
    v_f32 a = v_load_some(input + i, first), b = v_set(0);
    if (second) b = v_load_some(input + i + V_LANES, second);
    v_store_some(pairs + i / 2, pair(v_every_second(a, b), v_every_other(a, b)), (first + second + 1) / 2);
  }
}
