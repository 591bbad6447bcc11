#include "packing.h"

#include <assert.h>
#include <stdint.h>

#include "parallel.h"

static size_t part_count(const struct ir_pack_plan *p) {
  size_t parts = 0;
  while (p->start(p->what, parts) < p->rows) parts++;
  return parts;
}

// Floats of the largest part.
static size_t largest_part(const struct ir_pack_plan *p) {
  size_t most = 0;
  for (size_t part = 0, first = 0; first < p->rows; part++) {
    const size_t next = p->start(p->what, part + 1);
    most = ir_larger(most, next - first);
    first = next;
  }
  return ir_aligned_count(most * p->row_count);
}

size_t ir_pack_scratch_count(const struct ir_pack_plan *p, int threads) {
  return p->weights.is_half ? (size_t)threads * largest_part(p) : 0;
}

struct packing_context {
  const struct ir_pack_plan *plan;
  size_t thread_count;
};

static void pack_part(const void *context, size_t part, int thread) {
  const struct packing_context *c = context;
  const struct ir_pack_plan *p = c->plan;
  const size_t first = p->start(p->what, part), last = p->start(p->what, part + 1);
  const size_t start = first * p->row_count, count = (last - first) * p->row_count;
  if (!p->weights.is_half) {
    p->pack(p->what, first, last, (const float *)p->weights.numbers + start, p->packed);
    return;
  }
  float *values = p->scratch + (size_t)thread * c->thread_count;
  ir_kernels()->f32_from_f16(count, (const uint16_t *)p->weights.numbers + start, values);
  p->pack(p->what, first, last, values, p->packed);
}

void ir_pack(const struct ir_pack_plan *plan, int threads) {
  struct packing_context context = {plan, plan->weights.is_half ? largest_part(plan) : 0};
  ir_parallel_for(part_count(plan), threads, pack_part, &context);
}

struct widening_context {
  const uint16_t *halves;
  size_t count;
  float *values;
};

// Numbers that are worth a thread.
enum { NUMBERS_OF_A_TASK = 1 << 16 };

static void widen_part(const void *context, size_t index, int thread) {
  (void)thread;
  const struct widening_context *c = context;
  const size_t first = index * NUMBERS_OF_A_TASK;
  const size_t count = ir_smaller(NUMBERS_OF_A_TASK, c->count - first);
  ir_kernels()->f32_from_f16(count, c->halves + first, c->values + first);
}

void ir_widen(struct ir_weights weights, size_t count, float *values, int threads) {
  assert(weights.is_half);
  const struct widening_context context = {weights.numbers, count, values};
  ir_parallel_for(ir_ceiling_divide(count, NUMBERS_OF_A_TASK), threads, widen_part, &context);
}
