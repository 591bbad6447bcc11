#include "region.h"

#include <assert.h>
#include <string.h>

#include "parallel.h"

// The parts of a thread's memory; offsets in floats.
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

// Columns left of the feature map lie at the end of the row before, so that the first column is aligned;
// those of the first row need a place.
static size_t before_rows(const struct ir_region_value *v) { return ir_aligned_count(v->margin_columns); }

// Elements of all registers.
static size_t registers_count(const struct ir_region *r, size_t stride) {
  size_t most = 0;
  for (size_t i = 0; i < r->instruction_count; i++) {
    const struct ir_region_operation *o = ir_region_operation_of(&r->instructions[i]);
    if (o->register_count) most = ir_larger(most, o->register_count(&r->instructions[i]));
  }
  return ir_region_register_rows(stride) * most * stride;
}

static size_t scratch_count(const struct ir_region *r) {
  size_t most = 0;
  for (size_t i = 0; i < r->instruction_count; i++) {
    const struct ir_region_operation *o = ir_region_operation_of(&r->instructions[i]);
    if (o->scratch_count) most = ir_larger(most, o->scratch_count(&r->instructions[i]));
  }
  return ir_aligned_count(most);
}

// Kernels read up to two vectors behind a row.
enum { ROW_OVERREAD = 32 };

static struct layout layout_of(const struct ir_region *r) {
  size_t widest = r->tile_columns;
  for (size_t i = 0; i < r->value_count; i++) widest = ir_larger(widest, row_stride_of(r, &r->values[i]));
  struct layout layout = {
    .zero_count = ir_aligned_count(widest + 2 * IR_PLANAR_MAX_KERNEL) + ROW_OVERREAD,
    .register_stride = ir_aligned_count(widest),
    .scratch_count = scratch_count(r),
  };
  layout.registers_count = registers_count(r, layout.register_stride);
  layout.total = layout.zero_count + layout.registers_count + layout.scratch_count + ROW_OVERREAD;
  for (size_t i = 0; i < r->value_count; i++)
    layout.total += before_rows(&r->values[i]) + r->values[i].channels * channel_stride_of(r, &r->values[i]);
  return layout;
}

static size_t packed_count(const struct ir_region *r) {
  size_t count = 0;
  for (size_t i = 0; i < r->instruction_count; i++)
    if (ir_region_packs_weights(&r->instructions[i]))
      count += ir_aligned_count(ir_region_packed_weights_count(&r->instructions[i]));
  return count;
}

// Elements that weights are widened in while they are packed, one instruction's after the other's.
static size_t packing_scratch_count(const struct ir_region *r, int threads) {
  size_t most = 0;
  for (size_t i = 0; i < r->instruction_count; i++) {
    if (!ir_region_packs_weights(&r->instructions[i])) continue;
    const struct ir_pack_plan plan =
      ir_region_pack_plan(&r->instructions[i], r->instructions[i].window.stored, NULL, NULL);
    most = ir_larger(most, ir_pack_scratch_count(&plan, threads));
  }
  return most;
}

static size_t floats_of(size_t bytes) { return ir_aligned_count(ir_ceiling_divide(bytes, sizeof(float))); }

// Tables of strides and pointers, which are sized by the region, come first.
static size_t table_count(const struct ir_region *r) {
  return floats_of((4 * r->value_count + r->instruction_count) * sizeof(void *));
}

static size_t band_count(const struct ir_region *r) { return ir_ceiling_divide(r->height, r->band_rows); }
static size_t tile_count(const struct ir_region *r) { return ir_ceiling_divide(r->width, r->tile_columns); }
static size_t task_count(const struct ir_region *r) { return r->batch * band_count(r) * tile_count(r); }

// Blocks of rows whose sums are added up each for itself: first those of a tile.
static size_t blocks_of_a_tile(const struct ir_region *r) {
  return ir_ceiling_divide(r->height, r->block_rows);
}
static size_t all_sums_count(const struct ir_region *r) {
  const size_t own = ir_region_sums_count(r);
  return own ? ir_aligned_count(r->batch * tile_count(r) * blocks_of_a_tile(r) * own) : 0;
}

// A band for each task, and one for what each thread takes from others.
static size_t bands_size(const struct ir_region *r, int threads) {
  return floats_of((task_count(r) + (size_t)threads) * sizeof(ir_region_band));
}

size_t ir_region_workspace(const struct ir_region *r, int threads) {
  size_t own = layout_of(r).total + table_count(r);
  size_t shared = packed_count(r) + table_count(r) + bands_size(r, threads) + all_sums_count(r);
  // Weights are packed before anything else is written.
  size_t others = ir_larger((size_t)threads * own, packing_scratch_count(r, threads));
  return (shared + others) * sizeof(float);
}

struct context {
  const struct ir_region *region;
  const float *const *inputs;
  float *const *outputs;
  const float *const *packed;
  float *sums, *threads;
  struct layout layout;
  // Those of the tasks, then those of the threads.
  ir_region_band *bands;
  size_t task_count, band_total;
};

static void run_band(const struct context *c, ir_region_band *band, int thread) {
  const struct ir_region *r = c->region;
  float *memory = c->threads + (size_t)thread * (c->layout.total + table_count(r));
  float **rolling = (float **)memory;
  size_t *row_strides = (size_t *)(rolling + r->value_count);
  size_t *channel_strides = row_strides + r->value_count, *origins = channel_strides + r->value_count;
  float *next = memory + table_count(r), *zeros = next;
  memset(zeros, 0, c->layout.zero_count * sizeof(float));
  next += c->layout.zero_count;
  float *registers = next;
  const size_t place = ir_region_band_tile(__atomic_load_n(band, __ATOMIC_RELAXED));
  const size_t first_column = place % tile_count(r) * r->tile_columns;
  next = zeros + c->layout.total - ROW_OVERREAD;
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
    .region = r,
    .inputs = c->inputs,
    .outputs = c->outputs,
    .packed = c->packed,
    .image = place / tile_count(r),
    .first_column = first_column,
    .last_column = ir_smaller(first_column + r->tile_columns, r->width),
    .zeros = zeros,
    .registers = registers,
    .register_stride = c->layout.register_stride,
    .scratch = registers + c->layout.registers_count,
    .sums = c->sums + place * blocks_of_a_tile(r) * ir_region_sums_count(r),
    .prefetch = &prefetch,
    .rolling = rolling,
    .row_strides = row_strides,
    .channel_strides = channel_strides,
    .origins = origins,
  };
  ir_region_run_tile(&tile, band);
}

// The fewest rows that are worth being shared: each part has its margins computed for itself.
static size_t least_part(const struct ir_region *r) {
  return ir_larger(4 * ir_region_deepest_margin(r) + r->step_rows, 2 * r->block_rows);
}

// Tasks come first; an index behind them stands for a thread that has none left, and takes parts of those
// that others are still at.
static void run_task(const void *context, size_t index, int thread) {
  const struct context *c = context;
  const struct ir_region *r = c->region;
  if (index < c->task_count) {
    run_band(c, &c->bands[index], thread);
    return;
  }
  ir_region_band *own = &c->bands[c->task_count + (size_t)thread];
  while (!ir_is_ended() && ir_region_take(c->bands, c->band_total, least_part(r), r->block_rows, own))
    run_band(c, own, thread);
}

// Threads that may take parts, no more than have something to do.
static size_t taker_count(const struct ir_region *r, int threads) {
  const size_t parts = r->batch * tile_count(r) * r->height / least_part(r);
  return ir_smaller((size_t)threads, ir_larger(task_count(r), parts));
}

static void start_bands(const struct ir_region *r, ir_region_band *bands, int threads) {
  size_t next = 0;
  for (size_t place = 0; place < r->batch * tile_count(r); place++)
    for (size_t first = 0; first < r->height; first += r->band_rows)
      bands[next++] = ir_region_band_of(place, first, ir_smaller(first + r->band_rows, r->height));
  for (int i = 0; i < threads; i++) bands[next++] = ir_region_band_of(0, 0, 0);
}

void ir_region(
  const struct ir_region *region, const float *const *inputs, float *const *outputs,
  const float *const *packed_weights, void *workspace, int threads) {
  if (!region->batch || !region->height || !region->width) return;
  assert(region->band_rows % region->block_rows == 0);
  const float **packed = workspace;
  float *next = (float *)workspace + table_count(region), *scratch = next + packed_count(region);
  for (size_t i = 0; i < region->instruction_count; i++) {
    const struct ir_region_instruction *instruction = &region->instructions[i];
    packed[i] = instruction->window.weights;
    if (!ir_region_packs_weights(instruction)) continue;
    if (packed_weights && packed_weights[i]) {
      packed[i] = packed_weights[i];
      continue;
    }
    struct ir_weights weights = instruction->window.stored;
    if (!weights.numbers) weights.numbers = inputs[instruction->window.weights_input];
    const struct ir_pack_plan plan = ir_region_pack_plan(instruction, weights, next, scratch);
    ir_pack(&plan, threads);
    packed[i] = next;
    next += ir_aligned_count(ir_region_packed_weights_count(instruction));
  }
  const size_t tasks = task_count(region);
  ir_region_band *bands = (ir_region_band *)next;
  start_bands(region, bands, threads);
  next += bands_size(region, threads);
  struct context context = {
    .region = region,
    .inputs = inputs,
    .outputs = outputs,
    .packed = packed,
    .sums = next,
    .threads = next + all_sums_count(region),
    .layout = layout_of(region),
    .bands = bands,
    .task_count = tasks,
    .band_total = tasks + (size_t)threads,
  };
  const size_t takers = taker_count(region, threads);
  ir_parallel_for(tasks + takers, (int)takers, run_task, &context);
  ir_region_combine(region, context.sums, tile_count(region) * blocks_of_a_tile(region), outputs, threads);
}
