#include "conv2d_winograd.h"
#include "parallel.h"

// Input channels that are evaluated at a time, an even number, and rows of a panel at most.
enum { PART_DEPTH = 8, MOST_ROWS = 32, TAPS = 9 };

void ir_winograd_pack_panel(
  const struct ir_conv2d_params *p, size_t rows, const float *weights, float *packed, size_t point_stride) {
  struct ir_winograd_weights call = {
    .rows = rows,
    .depth = p->input_channels,
    .weights = weights,
    .row_stride = p->input_channels * TAPS,
    .output = packed,
    .point_stride = point_stride,
  };
  // Points that lie an odd number of cache lines apart share no set of the cache; others are evaluated
  // elsewhere first.
  if (!p->is_bfloat16 && point_stride % 32 == 16) {
    ir_kernels()->f32_winograd_weights(&call);
    return;
  }
  float part[IR_WINOGRAD_POINTS * (PART_DEPTH * MOST_ROWS + 16)];
  call.output = part;
  call.point_stride = ir_aligned_count(PART_DEPTH * rows) | 16;
  for (size_t k = 0; k < p->input_channels; k += PART_DEPTH) {
    call.depth = ir_smaller(PART_DEPTH, p->input_channels - k);
    call.weights = weights + k * TAPS;
    ir_kernels()->f32_winograd_weights(&call);
    float *target = packed + ir_packed_depth(k, p->is_bfloat16) * rows;
    for (size_t point = 0; point < IR_WINOGRAD_POINTS; point++)
      ir_write_panel(
        rows, call.depth, part + point * call.point_stride, p->is_bfloat16, target + point * point_stride);
  }
}

void ir_conv2d_winograd_pack_rows(
  const struct ir_conv2d_params *p, size_t first, size_t last, const float *weights, float *packed) {
  const struct ir_panels panels = ir_panels_of(p->output_channels);
  const size_t depth = ir_packed_depth(p->input_channels, p->is_bfloat16);
  for (size_t panel = 0; panel < panels.count; panel++) {
    const size_t start = ir_panel_start(&panels, panel);
    if (start < first || start >= last) continue;
    ir_winograd_pack_panel(
      p, ir_panel_rows(&panels, panel), weights + (start - first) * p->input_channels * TAPS,
      packed + start * depth, depth * p->output_channels);
  }
}
