#include "parallel.h"
#include "region.h"

size_t ir_region_deepest_margin(const struct ir_region *r) {
  size_t deepest = 0;
  for (size_t i = 0; i < r->instruction_count; i++)
    deepest = ir_larger(deepest, r->instructions[i].margin_rows);
  return deepest;
}

// Column x of all rows of a value.
static void clear_column(const struct ir_region_tile *tile, size_t index, ptrdiff_t x) {
  const struct ir_region_value *v = &tile->region->values[index];
  for (size_t c = 0; c < v->channels; c++) {
    float *column = tile->rolling[index] + c * tile->channel_strides[index] + x;
    for (size_t y = 0; y < v->rows; y++) column[y * tile->row_strides[index]] = 0;
  }
}

// Columns of a tile that lie outside the feature map stay 0 while its inside is written.
static void clear_outside(const struct ir_region_tile *tile, size_t index) {
  const struct ir_region *r = tile->region;
  const struct ir_region_value *v = &r->values[index];
  const size_t margin = v->margin_columns, end = tile->last_column + margin;
  const size_t left = margin > tile->first_column ? margin - tile->first_column : 0;
  const size_t right = end > r->width ? end - r->width : 0;
  for (size_t x = 1; x <= left; x++) clear_column(tile, index, -(ptrdiff_t)x);
  for (size_t x = 0; x < right; x++)
    clear_column(tile, index, (ptrdiff_t)(r->width - tile->origins[index] + x));
}

// The row behind the last that an instruction with this margin has computed after `steps` steps.
static size_t progress(const struct ir_region *r, size_t first, size_t last, size_t margin, ptrdiff_t steps) {
  ptrdiff_t row = (ptrdiff_t)(first + margin) + steps * (ptrdiff_t)r->step_rows;
  ptrdiff_t start = first > margin ? (ptrdiff_t)(first - margin) : 0;
  ptrdiff_t end = (ptrdiff_t)ir_smaller(last + margin, r->height);
  return (size_t)(row < start ? start : row > end ? end : row);
}

// The rows and columns that an instruction computes in a step.
static struct ir_region_rows rows_of(
  const struct ir_region_tile *tile, const struct ir_region_instruction *i, size_t first, size_t last,
  ptrdiff_t step) {
  const struct ir_region *r = tile->region;
  const size_t margin = i->margin_rows, side = i->margin_columns;
  return (struct ir_region_rows){
    .first = progress(r, first, last, margin, step),
    .last = progress(r, first, last, margin, step + 1),
    .first_column = tile->first_column > side ? tile->first_column - side : 0,
    .last_column = ir_smaller(tile->last_column + side, r->width),
  };
}

static void add_range(
  const struct ir_region_tile *tile, const struct ir_region_operand *operand, size_t channels,
  const struct ir_region_rows *rows) {
  struct ir_prefetch *p = tile->prefetch;
  const struct ir_region *r = tile->region;
  if (operand->place != IR_REGION_INPUT) return;
  for (size_t y = rows->first; y < rows->last && p->range_count < IR_PREFETCH_MAX_RANGES; y++) {
    const char *start = (const char *)ir_region_pixel(tile, operand, 0, y, (ptrdiff_t)rows->first_column);
    p->ranges[p->range_count++] = (struct ir_prefetch_range){
      .start = start,
      .stride = r->height * r->width * sizeof(float),
      .count = channels,
      .lines = ir_ceiling_divide(
        ((uintptr_t)start % IR_CACHE_LINE) + (rows->last_column - rows->first_column) * sizeof(float),
        IR_CACHE_LINE),
    };
  }
}

// Feature maps are far away, and the hardware does not see which row of a channel comes next: while a step
// computes its products, it asks for what the next step reads. Windows ask for their own; blocks and halves
// are copied row by row in any case.
static void plan_prefetch(const struct ir_region_tile *tile, size_t first, size_t last, ptrdiff_t step) {
  const struct ir_region *r = tile->region;
  struct ir_prefetch *p = tile->prefetch;
  *p = (struct ir_prefetch){0};
  size_t panels = 0, rows_to_come = 0;
  for (size_t i = 0; i < r->instruction_count; i++) {
    const struct ir_region_instruction *instruction = &r->instructions[i];
    struct ir_region_rows rows = rows_of(tile, instruction, first, last, step + 1);
    const struct ir_region_operation *operation = ir_region_operation_of(instruction);
    if (operation->product_count)
      panels += r->step_rows * operation->product_count(instruction, rows.last_column - rows.first_column);
    const bool is_left_alone =
      operation->is_not_prefetched || instruction->windows || instruction->operands[0].is_half;
    for (size_t o = 0; o < instruction->operand_count && !is_left_alone; o++)
      add_range(
        tile, &instruction->operands[o],
        operation->reads_depth && !o ? instruction->depth : instruction->channels, &rows);
  }
  for (size_t i = 0; i < p->range_count; i++) rows_to_come += p->ranges[i].count;
  p->share = panels ? ir_ceiling_divide(rows_to_come, panels) : 0;
}

void ir_region_run_tile(const struct ir_region_tile *tile, ir_region_band *band) {
  const struct ir_region *r = tile->region;
  for (size_t i = 0; i < r->value_count; i++) clear_outside(tile, i);
  const size_t first = ir_region_band_first(__atomic_load_n(band, __ATOMIC_RELAXED));
  ptrdiff_t step = -(ptrdiff_t)ir_ceiling_divide(2 * ir_region_deepest_margin(r), r->step_rows);
  for (; !ir_is_ended(); step++) {
    // The rows of results that this step computes; other threads may have taken the last ones.
    const size_t computed = step < 0 ? 0 : (size_t)(step + 1) * r->step_rows;
    const size_t last = ir_region_claim(band, first + computed);
    if (step >= 0 && first + (size_t)step * r->step_rows >= last) break;
    plan_prefetch(tile, first, last, step);
    for (size_t i = 0; i < r->instruction_count; i++) {
      struct ir_region_rows rows = rows_of(tile, &r->instructions[i], first, last, step);
      if (rows.first >= rows.last) continue;
      rows.weights = tile->packed[i];
      rows.sums = ir_region_block_sums(tile, i, &rows);
      ir_region_operation_of(&r->instructions[i])->run(tile, &r->instructions[i], &rows);
    }
  }
}
