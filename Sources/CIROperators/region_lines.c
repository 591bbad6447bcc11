#include "region_lines.h"

#include <assert.h>

#include "parallel.h"

void ir_region_move_lines(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows,
  const struct ir_region_operand *deep, const struct ir_region_operand *wide, size_t channels,
  ir_region_line_move move) {
  const struct ir_region *r = t->region;
  const struct ir_region_blocks *b = &i->blocks;
  assert(b->side && b->side <= IR_REGION_MAX_SIDE && r->height * r->width % b->columns == 0);
  char *whole = wide == &i->output ? (char *)t->outputs[wide->index] : (char *)t->inputs[wide->index];
  const size_t size = wide->is_half ? sizeof(uint16_t) : sizeof(float);
  const size_t width = b->columns * b->side, height = r->height * r->width / b->columns * b->side;
  const size_t stride = ir_region_channel_stride(t, deep), first = t->image * wide->channels + wide->channel;
  struct ir_region_line line = {.side = b->side, .is_half = wide->is_half, .stride = b->place_step * stride};
  for (size_t y = rows->first; y < rows->last; y++)
    for (size_t x = rows->first_column; x < rows->last_column; x += line.count) {
      const size_t pixel = y * r->width + x, row = pixel / b->columns, column = pixel % b->columns;
      char *pixels = whole + ((first * height + row * b->side) * width + column * b->side) * size;
      float *places = ir_region_pixel(t, deep, 0, y, (ptrdiff_t)x);
      line.count = ir_smaller(rows->last_column - x, b->columns - column);
      for (size_t c = 0; c < channels; c++)
        for (size_t k = 0; k < b->side; k++) {
          line.wide = pixels + (c * height + k) * width * size;
          line.deep = places + (c * b->channel_step + k * b->side * b->place_step) * stride;
          move(&line);
        }
    }
}
