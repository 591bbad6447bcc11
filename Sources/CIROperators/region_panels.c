#include "region_panels.h"

#include "parallel.h"

size_t ir_region_taps(const struct ir_region_instruction *i) {
  return i->window.kernel_height * i->window.kernel_width;
}

size_t ir_region_panels_count(const struct ir_region_instruction *i) {
  return ir_aligned_count(i->channels * i->depth * ir_region_taps(i));
}

void ir_region_pack_panels(size_t channels, size_t depth, size_t taps, const float *weights, float *packed) {
  const size_t most = ir_kernels()->planar_rows;
  for (size_t start = 0; start < channels; start += most) {
    const size_t rows = ir_smaller(most, channels - start);
    float *panel = packed + start * depth * taps;
    const float *source = weights + start * depth * taps;
    if (taps == 1) {
      ir_kernels()->f32_transpose(depth, rows, source, depth, panel, rows);
      continue;
    }
    for (size_t tap = 0; tap < taps; tap++)
      for (size_t k = 0; k < depth; k++)
        for (size_t i = 0; i < rows; i++)
          panel[(tap * depth + k) * rows + i] = source[(i * depth + k) * taps + tap];
  }
}

size_t ir_region_panel_start(const struct ir_region_instruction *i, size_t part) {
  return ir_smaller(part * ir_kernels()->planar_rows, i->channels);
}
