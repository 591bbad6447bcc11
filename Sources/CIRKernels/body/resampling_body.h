// Rows resampled by tables of taps.

#include "../include/ir_kernels.h"

void IR_ISA_NAME(f32_resample_row)(
  size_t count, size_t tap_count, const int32_t *indices, const float *weights, const float *input,
  float *output) {
  size_t o = 0;
  for (; o + V_LANES <= count; o += V_LANES) {
    v_f32 sum = v_set(0);
    for (size_t t = 0; t < tap_count; t++)
      sum = v_fma(v_gather(input, indices + t * count + o), v_load(weights + t * count + o), sum);
    v_store(output + o, sum);
  }
  for (; o < count; o++) {
    v_f32 sum = v_set(0);
    for (size_t t = 0; t < tap_count; t++) {
      v_f32 x = v_set(input[indices[t * count + o]]);
      sum = v_fma(x, v_set(weights[t * count + o]), sum);
    }
    output[o] = sum[0];
  }
}
