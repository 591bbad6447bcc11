#include <assert.h>
#include <string.h>

#include "parallel.h"
#include "region.h"

// Numbers added up over all pixels: each block of rows for itself, then the blocks.

static size_t count_of(const struct ir_region_instruction *i) {
  const struct ir_region_operation *o = ir_region_operation_of(i);
  return o->sums_count ? o->sums_count(i) : 0;
}

// The offset of the sums of instruction `index` among those of a block.
static size_t sums_offset(const struct ir_region *r, size_t index) {
  size_t offset = 0;
  for (size_t i = 0; i < index; i++) offset += count_of(&r->instructions[i]);
  return offset;
}

size_t ir_region_sums_count(const struct ir_region *r) {
  return ir_aligned_count(sums_offset(r, r->instruction_count));
}

float *ir_region_block_sums(const struct ir_region_tile *t, size_t index, const struct ir_region_rows *rows) {
  const struct ir_region *r = t->region;
  const size_t count = count_of(&r->instructions[index]);
  if (!count) return NULL;
  const size_t number = rows->first / r->block_rows;
  assert((rows->last - 1) / r->block_rows == number);
  float *sums = t->sums + number * ir_region_sums_count(r) + sums_offset(r, index);
  if (rows->first % r->block_rows == 0) memset(sums, 0, count * sizeof(float));
  return sums;
}

// Elements that are added up beside each other, and by a task.
enum { COMBINED_AT_ONCE = 8, COMBINED_BY_TASK = 1024 };

struct combination {
  float *sums;
  size_t stride, blocks, tasks;
};

// Adds up some elements of all blocks of an image, in their order, into its first block.
static void add_blocks(const void *context, size_t index, int thread) {
  (void)thread;
  const struct combination *c = context;
  float *first = c->sums + index / c->tasks * c->blocks * c->stride;
  const size_t start = index % c->tasks * COMBINED_BY_TASK;
  const size_t end = ir_smaller(start + COMBINED_BY_TASK, c->stride);
  for (size_t j = start; j < end; j += COMBINED_AT_ONCE) {
    double sum[COMBINED_AT_ONCE] = {0};
    for (size_t block = 0; block < c->blocks; block++)
      for (size_t k = 0; k < COMBINED_AT_ONCE; k++) sum[k] += first[block * c->stride + j + k];
    for (size_t k = 0; k < COMBINED_AT_ONCE; k++) first[j + k] = (float)sum[k];
  }
}

void ir_region_combine(
  const struct ir_region *r, float *sums, size_t blocks, float *const *outputs, int threads) {
  const size_t stride = ir_region_sums_count(r);
  if (!stride) return;
  const struct combination combination = {sums, stride, blocks, ir_ceiling_divide(stride, COMBINED_BY_TASK)};
  ir_parallel_for(r->batch * combination.tasks, threads, add_blocks, &combination);
  for (size_t index = 0; index < r->instruction_count; index++) {
    const struct ir_region_instruction *i = &r->instructions[index];
    if (!count_of(i)) continue;
    for (size_t image = 0; image < r->batch; image++)
      ir_region_operation_of(i)->finish(
        i, sums + image * blocks * stride + sums_offset(r, index), image, outputs);
  }
}
