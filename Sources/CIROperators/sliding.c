#include "sliding.h"

#include <stdbool.h>
#include <string.h>

#include "ir_kernels.h"
#include "parallel.h"

void ir_copy_steps(const float *restrict source, size_t step, float *restrict target, size_t count) {
  if (step == 1) memcpy(target, source, count * sizeof *target);
  else if (step == 2)
    for (size_t i = 0; i < count; i++) target[i] = source[2 * i];
  else
    for (size_t i = 0; i < count; i++) target[i] = source[i * step];
}

// Columns of one grid row, of which `before` lie left of the plane and those from `end` on right of it.
static void pack_steps(
  const struct ir_sliding *s, const float *row, size_t depth, size_t before, size_t end, size_t columns,
  size_t width, float *packed) {
  const size_t plane = s->height * s->width;
  const bool is_alternate = s->step_x == 2 && end > before;
  if (is_alternate) ir_kernels()->f32_gemm_pack_alternate(depth, end - before, row, plane, packed + before);
  if (is_alternate && !before && end == columns) return;
  for (size_t k = 0; k < depth; k++) {
    float *target = packed + k * width;
    for (size_t j = 0; j < before; j++) target[j] = 0;
    if (end > before && !is_alternate)
      ir_copy_steps(row + k * plane, s->step_x, target + before, end - before);
    for (size_t j = end; j < columns; j++) target[j] = 0;
  }
}

// Any columns, grid row by grid row.
static void pack_scattered(
  const struct ir_sliding *s, const float *input, size_t depth, ptrdiff_t dy, ptrdiff_t dx, size_t first,
  size_t columns, size_t width, float *packed) {
  const ptrdiff_t step = (ptrdiff_t)s->step_x;
  size_t y = first / s->grid_width, x = first % s->grid_width;
  for (size_t j = 0, count; j < columns; j += count, x = 0, y++) {
    count = ir_smaller(s->grid_width - x, columns - j);
    const ptrdiff_t iy = (ptrdiff_t)(y * s->step_y) + dy, ix = (ptrdiff_t)x * step + dx;
    const ptrdiff_t room = (ptrdiff_t)s->width - ix;
    size_t before = ix < 0 ? ir_smaller(ir_ceiling_divide((size_t)-ix, s->step_x), count) : 0;
    size_t end = room > 0 ? ir_smaller(ir_ceiling_divide((size_t)room, s->step_x), count) : 0;
    const bool is_inside = iy >= 0 && iy < (ptrdiff_t)s->height && before < end;
    if (!is_inside) before = end = count;
    const float *row = is_inside ? input + iy * (ptrdiff_t)s->width + ix + (ptrdiff_t)before * step : input;
    pack_steps(s, row, depth, before, end, count, width, packed + j);
  }
  for (size_t k = 0; k < depth; k++)
    for (size_t j = columns; j < width; j++) packed[k * width + j] = 0;
}

// Columns of one grid row at unit step: a run of the plane with zeros before and after.
static void pack_run(
  const struct ir_sliding *s, const float *input, size_t depth, ptrdiff_t iy, ptrdiff_t ix, size_t columns,
  size_t width, float *packed) {
  ptrdiff_t before = ix < 0 ? -ix : 0, end = (ptrdiff_t)s->width - ix;
  if (end > (ptrdiff_t)columns) end = (ptrdiff_t)columns;
  if (iy < 0 || iy >= (ptrdiff_t)s->height || end <= before) {
    memset(packed, 0, depth * width * sizeof *packed);
    return;
  }
  // Packing `before` places further leaves the zeros after a row in front of the next one; what
  // spills behind the last row is written again by whatever is packed there.
  memset(packed, 0, (size_t)before * sizeof *packed);
  ir_kernels()->f32_gemm_pack_rows(
    depth, (size_t)(end - before), input + iy * (ptrdiff_t)s->width + ix + before, s->height * s->width,
    packed + before);
}

static void pack_panel(
  const struct ir_sliding *s, const float *input, size_t start, size_t depth, size_t first, size_t columns,
  size_t width, float *packed) {
  size_t y = first / s->grid_width, x = first % s->grid_width;
  // A 1x1 window at unit step over a grid as wide as the input never notices rows.
  bool flat = s->tap_rows * s->tap_columns == 1 && s->step_y == 1 && s->step_x == 1 && s->first_dy == 0 &&
    s->first_dx == 0 && s->grid_width == s->width && s->grid_height <= s->height;
  bool is_run = s->step_x == 1 && x + columns <= s->grid_width;
  for (size_t k = start; k < start + depth;) {
    size_t tap = k / s->channels, channel = k % s->channels;
    size_t count = ir_smaller(s->channels - channel, start + depth - k);
    ptrdiff_t dy = s->first_dy + (ptrdiff_t)(tap / s->tap_columns) * s->next_dy;
    ptrdiff_t dx = s->first_dx + (ptrdiff_t)(tap % s->tap_columns) * s->next_dx;
    const float *planes = input + channel * s->height * s->width;
    float *target = packed + (k - start) * width;
    if (flat) {
      ir_kernels()->f32_gemm_pack_rows(count, columns, planes + first, s->height * s->width, target);
    } else if (is_run) {
      ptrdiff_t iy = (ptrdiff_t)(y * s->step_y) + dy;
      pack_run(s, planes, count, iy, (ptrdiff_t)x + dx, columns, width, target);
    } else {
      pack_scattered(s, planes, count, dy, dx, first, columns, width, target);
    }
    k += count;
  }
}

void ir_pack_sliding_columns(
  const struct ir_sliding *sliding, const float *input, size_t start, size_t depth, size_t first,
  size_t columns, float *packed) {
  const size_t width = ir_kernels()->gemm_columns;
  for (size_t j = 0; j < columns; j += width)
    pack_panel(
      sliding, input, start, depth, first + j, ir_smaller(width, columns - j), width, packed + j * depth);
}
