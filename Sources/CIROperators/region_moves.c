#include <assert.h>

#include "parallel.h"
#include "region.h"

// Rows of pictures as a region reads and writes them: plain, as binary16, and as blocks of pixels whose places are
// channels of the region's pixels.

// Floats of a row that is converted and moved, at a time.
enum { PART = 256 };

static void convert(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const struct ir_region *r = t->region;
  const size_t x = rows->first_column, columns = rows->last_column - x;
  const struct ir_region_operand *from = &i->operands[0], *to = &i->output, *half = from->is_half ? from : to;
  uint16_t *whole = half == from ? (uint16_t *)t->inputs[from->index] : (uint16_t *)t->outputs[to->index];
  for (size_t y = rows->first; y < rows->last; y++)
    for (size_t c = 0; c < i->channels; c++) {
      uint16_t *row = whole + ((t->image * half->channels + half->channel + c) * r->height + y) * r->width + x;
      if (half == from)
        ir_kernels()->f32_from_f16(columns, row, ir_region_pixel(t, to, c, y, (ptrdiff_t)x));
      else
        ir_kernels()->f32_to_f16(columns, ir_region_pixel(t, from, c, y, (ptrdiff_t)x), row);
    }
}

void ir_region_copy(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  if (i->operands[0].is_half || i->output.is_half) {
    convert(t, i, rows);
    return;
  }
  const size_t columns = rows->last_column - rows->first_column;
  const size_t from = ir_region_channel_stride(t, &i->operands[0]), to = ir_region_channel_stride(t, &i->output);
  for (size_t y = rows->first; y < rows->last; y++) {
    struct ir_elementwise_operands operands = {
      .a = ir_region_pixel(t, &i->operands[0], 0, y, (ptrdiff_t)rows->first_column), .a_stride = from,
      .output = ir_region_pixel(t, &i->output, 0, y, (ptrdiff_t)rows->first_column), .output_stride = to,
    };
    ir_kernels()->elementwise[IR_ELEMENTWISE_COPY](i->channels, columns, &operands);
  }
}

// `count` blocks beside each other: a line of their pixels, of one channel, in the picture that has the blocks, and the
// first of its places among the channels of the operand that has them so.
struct block_line {
  size_t side, count;
  void *wide;
  bool is_half;
  float *deep;
  // Elements from place to place.
  size_t stride;
};

typedef void (*line_move)(const struct block_line *line);

static void move_lines(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows,
  const struct ir_region_operand *deep, const struct ir_region_operand *wide, size_t channels, line_move move) {
  const struct ir_region *r = t->region;
  const struct ir_region_blocks *b = &i->blocks;
  assert(b->side && b->side <= IR_REGION_MAX_SIDE && r->height * r->width % b->columns == 0);
  char *whole = wide == &i->output ? (char *)t->outputs[wide->index] : (char *)t->inputs[wide->index];
  const size_t size = wide->is_half ? sizeof(uint16_t) : sizeof(float);
  const size_t width = b->columns * b->side, height = r->height * r->width / b->columns * b->side;
  const size_t stride = ir_region_channel_stride(t, deep), first = t->image * wide->channels + wide->channel;
  struct block_line line = {.side = b->side, .is_half = wide->is_half, .stride = b->place_step * stride};
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

// `count` blocks from the x-th of the line on; their pixels follow each other in `wide`.
static void part(const struct block_line *l, size_t x, size_t count, const float *wide) {
  float *deep = l->deep + x;
  if (l->side == 2) {
    ir_kernels()->f32_part(count, wide, deep, deep + l->stride);
    return;
  }
  for (size_t place = 0; place < l->side; place++)
    for (size_t j = 0; j < count; j++) deep[place * l->stride + j] = wide[j * l->side + place];
}

static void interleave(const struct block_line *l, size_t x, size_t count, float *wide) {
  const float *deep = l->deep + x;
  if (l->side == 2) {
    ir_kernels()->f32_interleave(count, deep, deep + l->stride, wide);
    return;
  }
  for (size_t place = 0; place < l->side; place++)
    for (size_t j = 0; j < count; j++) wide[j * l->side + place] = deep[place * l->stride + j];
}

static void read_line(const struct block_line *l) {
  if (!l->is_half) {
    part(l, 0, l->count, l->wide);
    return;
  }
  float numbers[PART];
  for (size_t x = 0, count; x < l->count; x += count) {
    count = ir_smaller(l->count - x, PART / l->side);
    ir_kernels()->f32_from_f16(count * l->side, (const uint16_t *)l->wide + x * l->side, numbers);
    part(l, x, count, numbers);
  }
}

static void write_line(const struct block_line *l) {
  if (!l->is_half) {
    interleave(l, 0, l->count, l->wide);
    return;
  }
  float numbers[PART];
  for (size_t x = 0, count; x < l->count; x += count) {
    count = ir_smaller(l->count - x, PART / l->side);
    interleave(l, x, count, numbers);
    ir_kernels()->f32_to_f16(count * l->side, numbers, (uint16_t *)l->wide + x * l->side);
  }
}

void ir_region_space_to_depth(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const size_t channels = i->channels / (i->blocks.side * i->blocks.side);
  move_lines(t, i, rows, &i->output, &i->operands[0], channels, read_line);
}

void ir_region_depth_to_space(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  move_lines(t, i, rows, &i->operands[0], &i->output, i->channels, write_line);
}
