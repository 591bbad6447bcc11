#include "region.h"

// Normalization over the channels of each pixel.

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  struct ir_planar_normalize n = {
    .channels = i->channels,
    .columns = rows->last_column - rows->first_column,
    .is_centred = i->is_centred,
    .epsilon = i->epsilon,
    .scale = i->scale,
    .bias = i->bias,
    .input_stride = ir_region_channel_stride(t, &i->operands[0]),
    .is_far = i->operands[0].place != IR_REGION_ROLLING,
    .output_stride = ir_region_channel_stride(t, &i->output),
  };
  for (size_t y = rows->first; y < rows->last; y++) {
    n.input = ir_region_pixel(t, &i->operands[0], 0, y, (ptrdiff_t)rows->first_column);
    n.output = ir_region_pixel(t, &i->output, 0, y, (ptrdiff_t)rows->first_column);
    ir_kernels()->f32_planar_normalize(&n);
  }
}

const struct ir_region_operation ir_region_normalize = {.run = run};
