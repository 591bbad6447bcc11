// binary16 <-> binary32.

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
