// Windows of tiles at the points of Winograd's form, as pairs of bfloat16.

#include "pairs.h"
#include "winograd_points.h"

// Channels two by two.
V_INLINE void evaluate_pairs(const struct ir_winograd_input *p, const size_t row_pair) {
  for (size_t channel = 0; channel < p->channels; channel += 2) {
    const float *input = p->input + channel * p->plane_stride;
    for (size_t v = 0; v < p->vectors; v++) {
      const struct ir_winograd_strip *strips = p->strips + STRIPS * v;
      float *output = p->output + (channel / 2 * p->vectors + v) * V_LANES;
      v_f32 low[2][WINDOW_SIDE], high[2][WINDOW_SIDE] = {0};
      evaluate_strips(strips, input, row_pair, low);
      if (channel + 1 < p->channels) evaluate_strips(strips, input + p->plane_stride, row_pair, high);
#pragma clang loop unroll(full)
      for (size_t i = 0; i < 2 * WINDOW_SIDE; i++) {
        const size_t row = i / WINDOW_SIDE, column = i % WINDOW_SIDE;
        v_store(output + i * p->point_stride, pair(low[row][column], high[row][column]));
      }
    }
  }
}

void IR_ISA_NAME(bf16_winograd_input)(const struct ir_winograd_input *p) {
  switch (p->pair) {
    case 0: evaluate_pairs(p, 0); break;
    case 1: evaluate_pairs(p, 1); break;
    default: evaluate_pairs(p, 2); break;
  }
}
