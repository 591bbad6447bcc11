// Rows in another form: binary16 <-> binary32, and pixels of two rows in turns.

#include "../include/ir_kernels.h"

void IR_ISA_NAME(f32_from_f16)(size_t count, const uint16_t *input, float *output) {
  size_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) v_store(output + i, v_load_f16(input + i));
  if (i < count) {
    uint16_t tail[V_LANES] = {0};
    for (size_t j = i; j < count; j++) tail[j - i] = input[j];
    v_store_partial(output + i, v_load_f16(tail), count - i);
  }
}

void IR_ISA_NAME(f32_to_f16)(size_t count, const float *input, uint16_t *output) {
  size_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) v_store_f16(output + i, v_load(input + i));
  if (i < count) {
    uint16_t tail[V_LANES];
    v_store_f16(tail, v_load_partial(input + i, count - i));
    for (size_t j = i; j < count; j++) output[j] = tail[j - i];
  }
}

void IR_ISA_NAME(f32_interleave)(size_t count, const float *even, const float *odd, float *output) {
  size_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) {
    v_f32 a = v_load(even + i), b = v_load(odd + i);
    v_store(output + 2 * i, v_in_turns_low(a, b));
    v_store(output + 2 * i + V_LANES, v_in_turns_high(a, b));
  }
  for (; i < count; i++) {
    output[2 * i] = even[i];
    output[2 * i + 1] = odd[i];
  }
}

void IR_ISA_NAME(f32_part)(size_t count, const float *pairs, float *even, float *odd) {
  size_t i = 0;
  for (; i + V_LANES <= count; i += V_LANES) {
    v_f32 a = v_load(pairs + 2 * i), b = v_load(pairs + 2 * i + V_LANES);
    v_store(even + i, v_every_second(a, b));
    v_store(odd + i, v_every_other(a, b));
  }
  for (; i < count; i++) {
    even[i] = pairs[2 * i];
    odd[i] = pairs[2 * i + 1];
  }
}
