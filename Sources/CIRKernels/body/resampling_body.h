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

// In double, as positions in long axes need more bits than a float has; without branches, so that the
// compiler makes vectors of it. Tap k of coordinate i is number k * count + i.
void IR_ISA_NAME(f32_linear_taps)(
  size_t count, const float *coordinates, size_t length, bool aligns_corners, bool stays_inside,
  int32_t *restrict indices, float *restrict weights) {
  const double last = (double)length - 1;
  const double scale = aligns_corners ? last / 2 : (double)length / 2, shift = aligns_corners ? 0 : -0.5;
  for (size_t i = 0; i < count; i++) {
    double place = coordinates[2 * i] == coordinates[2 * i] ? coordinates[2 * i] : 0;
    // Beyond any input all coordinates are alike.
    place = place < -0x1p30 ? -0x1p30 : place > 0x1p30 ? 0x1p30 : place;
    double x = (place + 1) * scale + shift;
    if (stays_inside) x = x < 0 ? 0 : x > last ? last : x;
    const double low = __builtin_floor(x), high = low + 1;
    const double low_weight = high - x, high_weight = x - low;
    weights[i] = low < 0 || low > last ? 0 : (float)low_weight;
    weights[count + i] = high < 0 || high > last ? 0 : (float)high_weight;
    const double first = low < 0 ? 0 : low, second = high < 0 ? 0 : high;
    indices[i] = (int32_t)(first > last ? last : first);
    indices[count + i] = (int32_t)(second > last ? last : second);
  }
}
