#include "region.h"

#include <assert.h>
#include <string.h>

#include "gemm_block.h"
#include "parallel.h"

// What a thread's memory is cut into; offsets in floats.
struct layout {
  size_t zero_count, register_stride, registers_count, scratch_count, total;
};

// An odd number of cache lines from channel to channel: a power of two would put the channels of a
// pixel into one set of the cache.
static size_t odd_lines(size_t count) {
  size_t lines = (count + 15) / 16;
  return (lines | 1) * 16;
}

static size_t row_stride_of(const struct ir_region *r, const struct ir_region_value *v) {
  return ir_aligned_count(r->tile_columns + 2 * v->margin_columns);
}

static size_t channel_stride_of(const struct ir_region *r, const struct ir_region_value *v) {
  return odd_lines(v->rows * row_stride_of(r, v));
}

// Columns left of the picture lie at the end of the row before, so that the first column is aligned; those of the
// first row need a place.
static size_t before_rows(const struct ir_region_value *v) { return ir_aligned_count(v->margin_columns); }

// Elements of all registers.
static size_t registers_count(const struct ir_region *r, size_t stride) {
  size_t most = 0;
  for (size_t i = 0; i < r->instruction_count; i++)
    if (r->instructions[i].opcode == IR_REGION_ELEMENTWISE)
      most = ir_larger(most, r->instructions[i].operand_count + r->instructions[i].program_count);
  return ir_region_register_rows(stride) * most * stride;
}

// Kernels read up to two vectors behind a row.
enum { BEHIND_A_ROW = 32 };

static struct layout layout_of(const struct ir_region *r) {
  size_t widest = r->tile_columns;
  for (size_t i = 0; i < r->value_count; i++)
    widest = ir_larger(widest, row_stride_of(r, &r->values[i]));
  struct layout layout = {
    .zero_count = ir_aligned_count(widest + 2 * IR_PLANAR_MAX_KERNEL) + BEHIND_A_ROW,
    .register_stride = ir_aligned_count(widest), .scratch_count = ir_region_gram_scratch(r),
  };
  layout.registers_count = registers_count(r, layout.register_stride);
  layout.total = layout.zero_count + layout.registers_count + layout.scratch_count + BEHIND_A_ROW;
  for (size_t i = 0; i < r->value_count; i++)
    layout.total += before_rows(&r->values[i]) + r->values[i].channels * channel_stride_of(r, &r->values[i]);
  return layout;
}

// Several output channels share the loads of their inputs.
static size_t panel_rows(void) { return ir_kernels()->planar_rows; }

size_t ir_region_packed_weights_count(const struct ir_region_instruction *c) {
  return ir_aligned_count(
    c->channels * c->depth * c->window.kernel_height * c->window.kernel_width);
}

void ir_region_pack_weights(
  const struct ir_region_instruction *c, const float *weights, float *packed) {
  const size_t taps = c->window.kernel_height * c->window.kernel_width, most = panel_rows();
  for (size_t start = 0; start < c->channels; start += most) {
    size_t rows = ir_smaller(most, c->channels - start);
    float *panel = packed + start * c->depth * taps;
    const float *source = weights + start * c->depth * taps;
    if (taps == 1) {
      ir_kernels()->f32_transpose(c->depth, rows, source, c->depth, panel, rows);
      continue;
    }
    for (size_t tap = 0; tap < taps; tap++)
      for (size_t k = 0; k < c->depth; k++)
        for (size_t i = 0; i < rows; i++)
          panel[(tap * c->depth + k) * rows + i] = source[(i * c->depth + k) * taps + tap];
  }
}

static bool is_packed_at_run(const struct ir_region_instruction *i) {
  return i->opcode == IR_REGION_CONVOLUTION && !i->window.weights;
}

static size_t packed_count(const struct ir_region *r) {
  size_t count = 0;
  for (size_t i = 0; i < r->instruction_count; i++)
    if (is_packed_at_run(&r->instructions[i]))
      count += ir_region_packed_weights_count(&r->instructions[i]);
  return count;
}

size_t ir_region_thread_workspace(const struct ir_region *r) {
  return layout_of(r).total * sizeof(float);
}

// Tables of strides and pointers, which are sized by the region, come first.
static size_t table_count(const struct ir_region *r) {
  size_t bytes = (4 * r->value_count + r->instruction_count) * sizeof(void *);
  return ir_aligned_count((bytes + sizeof(float) - 1) / sizeof(float));
}

static size_t band_count(const struct ir_region *r) { return ir_ceiling_divide(r->height, r->band_rows); }
static size_t tile_count(const struct ir_region *r) { return ir_ceiling_divide(r->width, r->tile_columns); }
static size_t task_count(const struct ir_region *r) { return r->batch * band_count(r) * tile_count(r); }

size_t ir_region_workspace(const struct ir_region *r, int threads) {
  size_t own = layout_of(r).total + table_count(r);
  size_t sums = task_count(r) * ir_region_sums_count(r);
  return (packed_count(r) + table_count(r) + sums + (size_t)threads * own) * sizeof(float);
}

struct context {
  const struct ir_region *region;
  const float *const *inputs;
  float *const *outputs;
  const float *const *packed;
  float *sums, *threads;
  struct layout layout;
};

// Columns of a tile that lie outside the picture stay 0 while its inside is written.
static void clear_outside(const struct ir_region_tile *tile, size_t index) {
  const struct ir_region *r = tile->region;
  const struct ir_region_value *v = &r->values[index];
  const size_t margin = v->margin_columns, end = tile->last_column + margin;
  const size_t left = margin > tile->first_column ? margin - tile->first_column : 0;
  const size_t right = end > r->width ? end - r->width : 0;
  if (!left && !right) return;
  for (size_t c = 0; c < v->channels; c++)
    for (size_t y = 0; y < v->rows; y++) {
      float *row = tile->rolling[index] + c * tile->channel_strides[index] + y * tile->row_strides[index];
      float *behind = row + r->width - tile->origins[index];
      for (size_t x = 1; x <= left; x++) row[-(ptrdiff_t)x] = 0;
      for (size_t x = 0; x < right; x++) behind[x] = 0;
    }
}

// The row behind the last that an instruction with this margin has computed after `steps` steps.
static size_t progress(
  const struct ir_region *r, size_t first, size_t last, size_t margin, ptrdiff_t steps) {
  ptrdiff_t row = (ptrdiff_t)(first + margin) + steps * (ptrdiff_t)r->step_rows;
  ptrdiff_t start = first > margin ? (ptrdiff_t)(first - margin) : 0;
  ptrdiff_t end = (ptrdiff_t)ir_smaller(last + margin, r->height);
  return (size_t)(row < start ? start : row > end ? end : row);
}

// What an instruction does in a step.
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
    const char *start =
      (const char *)ir_region_pixel(tile, operand, 0, y, (ptrdiff_t)rows->first_column);
    p->ranges[p->range_count++] = (struct ir_prefetch_range){
      .start = start, .stride = r->height * r->width * sizeof(float), .count = channels,
      .lines = ir_ceiling_divide(
        ((uintptr_t)start % IR_CACHE_LINE) + (rows->last_column - rows->first_column) * sizeof(float),
        IR_CACHE_LINE),
    };
  }
}

// Pictures are far away, and the hardware does not see which row of a channel comes next: while a step
// computes its products, it asks for what the next step reads. Windows ask for their own.
static void plan_prefetch(
  const struct ir_region_tile *tile, size_t first, size_t last, ptrdiff_t step) {
  const struct ir_region *r = tile->region;
  struct ir_prefetch *p = tile->prefetch;
  *p = (struct ir_prefetch){0};
  size_t panels = 0, rows_to_come = 0;
  for (size_t i = 0; i < r->instruction_count; i++) {
    const struct ir_region_instruction *instruction = &r->instructions[i];
    struct ir_region_rows rows = rows_of(tile, instruction, first, last, step + 1);
    if (instruction->opcode == IR_REGION_CONVOLUTION)
      panels += r->step_rows * ir_ceiling_divide(instruction->channels, panel_rows()) *
                ir_ceiling_divide(rows.last_column - rows.first_column, ir_kernels()->planar_columns);
    const bool has_windows = instruction->opcode == IR_REGION_DEPTHWISE || instruction->windows;
    for (size_t o = 0; o < instruction->operand_count && !has_windows; o++)
      add_range(
        tile, &instruction->operands[o],
        instruction->opcode == IR_REGION_CONVOLUTION && !o ? instruction->depth : instruction->channels,
        &rows);
  }
  for (size_t i = 0; i < p->range_count; i++) rows_to_come += p->ranges[i].count;
  p->share = panels ? ir_ceiling_divide(rows_to_come, panels) : 0;
}

static void run_tile(const struct ir_region_tile *tile, size_t first, size_t last) {
  const struct ir_region *r = tile->region;
  size_t deepest = 0;
  for (size_t i = 0; i < r->instruction_count; i++)
    deepest = ir_larger(deepest, r->instructions[i].margin_rows);
  for (size_t i = 0; i < r->value_count; i++) clear_outside(tile, i);
  ptrdiff_t step = -(ptrdiff_t)ir_ceiling_divide(2 * deepest, r->step_rows);
  const ptrdiff_t end = (ptrdiff_t)ir_ceiling_divide(last - first, r->step_rows);
  for (; step < end; step++) {
    plan_prefetch(tile, first, last, step);
    for (size_t i = 0; i < r->instruction_count; i++) {
      struct ir_region_rows rows = rows_of(tile, &r->instructions[i], first, last, step);
      if (rows.first < rows.last) ir_region_run(tile, &r->instructions[i], i, &rows);
    }
  }
}

static void run_task(const void *context, size_t index, int thread) {
  const struct context *c = context;
  const struct ir_region *r = c->region;
  float *memory = c->threads + (size_t)thread * (c->layout.total + table_count(r));
  float **rolling = (float **)memory;
  size_t *row_strides = (size_t *)(rolling + r->value_count);
  size_t *channel_strides = row_strides + r->value_count, *origins = channel_strides + r->value_count;
  float *next = memory + table_count(r), *zeros = next;
  memset(zeros, 0, c->layout.zero_count * sizeof(float));
  next += c->layout.zero_count;
  // Between the rows of a register lies what no row needs, and what kernels pass over all the same.
  float *registers = next;
  memset(registers, 0, c->layout.registers_count * sizeof(float));
  float *sums = c->sums + index * ir_region_sums_count(r);
  memset(sums, 0, ir_region_sums_count(r) * sizeof(float));
  const size_t band = index % band_count(r), rest = index / band_count(r);
  const size_t first_column = rest % tile_count(r) * r->tile_columns;
  next = zeros + c->layout.total - BEHIND_A_ROW;
  for (size_t i = 0; i < r->value_count; i++) {
    const struct ir_region_value *v = &r->values[i];
    row_strides[i] = row_stride_of(r, v);
    channel_strides[i] = channel_stride_of(r, v);
    origins[i] = first_column > v->margin_columns ? first_column - v->margin_columns : 0;
    rolling[i] = next - v->channels * channel_strides[i];
    next = rolling[i] - before_rows(v);
  }
  struct ir_prefetch prefetch;
  struct ir_region_tile tile = {
    .region = r, .inputs = c->inputs, .outputs = c->outputs, .packed = c->packed,
    .image = rest / tile_count(r),
    .first_column = first_column,
    .last_column = ir_smaller(first_column + r->tile_columns, r->width),
    .zeros = zeros, .registers = registers, .register_stride = c->layout.register_stride,
    .scratch = registers + c->layout.registers_count, .sums = sums,
    .prefetch = &prefetch, .rolling = rolling, .row_strides = row_strides, .channel_strides = channel_strides,
    .origins = origins,
  };
  size_t first = band * r->band_rows;
  run_tile(&tile, first, ir_smaller(first + r->band_rows, r->height));
}

void ir_region(
  const struct ir_region *region, const float *const *inputs, float *const *outputs,
  void *workspace, int threads) {
  if (!region->batch || !region->height || !region->width) return;
  const float **packed = workspace;
  float *next = (float *)workspace + table_count(region);
  for (size_t i = 0; i < region->instruction_count; i++) {
    const struct ir_region_instruction *instruction = &region->instructions[i];
    packed[i] = instruction->window.weights;
    if (!is_packed_at_run(instruction)) continue;
    ir_region_pack_weights(instruction, inputs[instruction->window.weights_input], next);
    packed[i] = next;
    next += ir_region_packed_weights_count(instruction);
  }
  const size_t tasks = task_count(region);
  struct context context = {
    .region = region, .inputs = inputs, .outputs = outputs, .packed = packed, .sums = next,
    .threads = next + tasks * ir_region_sums_count(region), .layout = layout_of(region),
  };
  ir_parallel_for(tasks, threads, run_task, &context);
  ir_region_combine(region, context.sums, tasks / region->batch, outputs);
}
