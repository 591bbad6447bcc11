#include "parallel.h"
#include "region_lines.h"

static void interleave(const struct ir_region_line *l, size_t x, size_t count, float *wide) {
  const float *deep = l->deep + x;
  if (l->side == 2) {
    ir_kernels()->f32_interleave(count, deep, deep + l->stride, wide);
    return;
  }
  for (size_t place = 0; place < l->side; place++)
    for (size_t j = 0; j < count; j++) wide[j * l->side + place] = deep[place * l->stride + j];
}

static void write_line(const struct ir_region_line *l) {
  if (!l->is_half) {
    interleave(l, 0, l->count, l->wide);
    return;
  }
  float numbers[IR_REGION_LINE_PART];
  for (size_t x = 0, count; x < l->count; x += count) {
    count = ir_smaller(l->count - x, IR_REGION_LINE_PART / l->side);
    interleave(l, x, count, numbers);
    ir_kernels()->f32_to_f16(count * l->side, numbers, (uint16_t *)l->wide + x * l->side);
  }
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  ir_region_move_lines(t, i, rows, &i->operands[0], &i->output, i->channels, write_line);
}

const struct ir_region_operation ir_region_depth_to_space = {.run = run};
