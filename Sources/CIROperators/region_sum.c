#include "region.h"

// The sum of each channel over all pixels, times a factor.

static size_t sums_count(const struct ir_region_instruction *i) { return i->channels; }

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const struct ir_region_operand *x = &i->operands[0];
  const size_t columns = rows->last_column - rows->first_column, stride = ir_region_channel_stride(t, x);
  for (size_t y = rows->first; y < rows->last; y++)
    ir_kernels()->f32_sum_rows(
      i->channels, columns, ir_region_pixel(t, x, 0, y, (ptrdiff_t)rows->first_column), stride, rows->sums);
}

static void finish(
  const struct ir_region_instruction *i, const float *sums, size_t image, float *const *outputs) {
  float *output = outputs[i->output.index] + image * i->channels;
  for (size_t c = 0; c < i->channels; c++) output[c] = i->factor * sums[c];
}

const struct ir_region_operation ir_region_sum = {.run = run, .sums_count = sums_count, .finish = finish};
