#include "parallel.h"
#include "region_lines.h"

// `count` blocks from the x-th of the line on; their pixels follow each other in `wide`.
static void part(const struct ir_region_line *l, size_t x, size_t count, const float *wide) {
  float *deep = l->deep + x;
  if (l->side == 2) {
    ir_kernels()->f32_part(count, wide, deep, deep + l->stride);
    return;
  }
  for (size_t place = 0; place < l->side; place++)
    for (size_t j = 0; j < count; j++) deep[place * l->stride + j] = wide[j * l->side + place];
}

static void read_line(const struct ir_region_line *l) {
  if (!l->is_half) {
    part(l, 0, l->count, l->wide);
    return;
  }
  float numbers[IR_REGION_LINE_PART];
  for (size_t x = 0, count; x < l->count; x += count) {
    count = ir_smaller(l->count - x, IR_REGION_LINE_PART / l->side);
    ir_kernels()->f32_from_f16(count * l->side, (const uint16_t *)l->wide + x * l->side, numbers);
    part(l, x, count, numbers);
  }
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const size_t channels = i->channels / (i->blocks.side * i->blocks.side);
  ir_region_move_lines(t, i, rows, &i->output, &i->operands[0], channels, read_line);
}

const struct ir_region_operation ir_region_space_to_depth = {.run = run, .is_not_prefetched = true};
