#include "region.h"

// Copies, also from and to binary16.

static void convert(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const struct ir_region *r = t->region;
  const size_t x = rows->first_column, columns = rows->last_column - x;
  const struct ir_region_operand *from = &i->operands[0], *to = &i->output, *half = from->is_half ? from : to;
  uint16_t *whole = half == from ? (uint16_t *)t->inputs[from->index] : (uint16_t *)t->outputs[to->index];
  for (size_t y = rows->first; y < rows->last; y++)
    for (size_t c = 0; c < i->channels; c++) {
      uint16_t *row =
        whole + ((t->image * half->channels + half->channel + c) * r->height + y) * r->width + x;
      if (half == from) ir_kernels()->f32_from_f16(columns, row, ir_region_pixel(t, to, c, y, (ptrdiff_t)x));
      else ir_kernels()->f32_to_f16(columns, ir_region_pixel(t, from, c, y, (ptrdiff_t)x), row);
    }
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  if (i->operands[0].is_half || i->output.is_half) {
    convert(t, i, rows);
    return;
  }
  const size_t columns = rows->last_column - rows->first_column;
  const size_t from = ir_region_channel_stride(t, &i->operands[0]),
               to = ir_region_channel_stride(t, &i->output);
  for (size_t y = rows->first; y < rows->last; y++) {
    struct ir_elementwise_operands operands = {
      .a = ir_region_pixel(t, &i->operands[0], 0, y, (ptrdiff_t)rows->first_column),
      .a_stride = from,
      .output = ir_region_pixel(t, &i->output, 0, y, (ptrdiff_t)rows->first_column),
      .output_stride = to,
    };
    ir_kernels()->elementwise[IR_ELEMENTWISE_COPY](i->channels, columns, &operands);
  }
}

const struct ir_region_operation ir_region_copy = {.run = run};
