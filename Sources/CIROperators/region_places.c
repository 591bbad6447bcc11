#include "parallel.h"
#include "region.h"

// The places of operands' rows.

float *ir_region_pixel(
  const struct ir_region_tile *t, const struct ir_region_operand *o, size_t channel, size_t y, ptrdiff_t x) {
  const struct ir_region *r = t->region;
  channel += o->channel;
  if (o->place == IR_REGION_ROLLING) {
    const size_t row = y % r->values[o->index].rows;
    return t->rolling[o->index] + channel * t->channel_strides[o->index] + row * t->row_strides[o->index] +
      (x - (ptrdiff_t)t->origins[o->index]);
  }
  // Inputs are only read.
  float *whole = o->place == IR_REGION_OUTPUT ? t->outputs[o->index] : (float *)t->inputs[o->index];
  return whole + ((t->image * o->channels + channel) * r->height + y) * r->width + x;
}

size_t ir_region_channel_stride(const struct ir_region_tile *t, const struct ir_region_operand *o) {
  return o->place == IR_REGION_ROLLING ? t->channel_strides[o->index] : t->region->height * t->region->width;
}

void ir_region_window_rows(
  const struct ir_region_tile *t, const struct ir_region_operand *operand,
  const struct ir_region_window *window, size_t y, size_t count, ptrdiff_t x, const float **rows,
  size_t *strides) {
  const size_t stride = ir_region_channel_stride(t, operand), top = window->pad_top;
  for (size_t k = 0; k < count; k++) {
    size_t padded = y + k * window->dilation;
    bool is_inside = padded >= top && padded - top < t->region->height;
    rows[k] =
      is_inside ? ir_region_pixel(t, operand, 0, padded - top, x - (ptrdiff_t)window->pad_left) : t->zeros;
    strides[k] = is_inside ? stride : 0;
  }
}

enum { REGISTER_ELEMENTS = 1024 };

size_t ir_region_register_rows(size_t register_stride) {
  return ir_larger(REGISTER_ELEMENTS / register_stride, IR_PLANAR_DEPTHWISE_ROWS);
}
