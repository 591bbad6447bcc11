#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "ir_kernels.h"
#include "ir_movement.h"
#include "parallel.h"

// The extents are sorted by the destination's strides and merged. Then two remain inside a task:
// the last one (fastest in the destination) and the one that is fastest in the source.

struct extent {
  size_t count;
  ptrdiff_t source, destination;
};

struct copy_context {
  size_t element_size, rank;
  /// extents[rank - 1] is the inner one, extents[rank - 2] the one crossed with it.
  struct extent extents[IR_MOVEMENT_MAX_RANK + 2];
  size_t inner_step, inner_blocks, cross_step, cross_blocks;
  /// Blocks of all extents, and those of a task.
  size_t blocks, task_blocks;
  const char *source;
  char *destination;
};

static size_t magnitude(ptrdiff_t stride) { return (size_t)(stride < 0 ? -stride : stride); }

static void sort_extents(struct copy_context *c, const struct ir_copy_params *p) {
  for (size_t d = 0; d < p->rank; d++) {
    if (p->shape[d] == 1) continue;
    struct extent extent = {p->shape[d], p->source_strides[d], p->destination_strides[d]};
    size_t at = c->rank++;
    for (; at > 0 && magnitude(c->extents[at - 1].destination) < magnitude(extent.destination); at--)
      c->extents[at] = c->extents[at - 1];
    c->extents[at] = extent;
  }
}

static void merge_extents(struct copy_context *c) {
  size_t kept = 0;
  for (size_t d = 0; d < c->rank; d++) {
    struct extent extent = c->extents[d];
    struct extent *outer = &c->extents[kept ? kept - 1 : 0];
    ptrdiff_t count = (ptrdiff_t)extent.count;
    if (kept && outer->source == extent.source * count && outer->destination == extent.destination * count) {
      extent.count *= outer->count;
      *outer = extent;
    } else {
      c->extents[kept++] = extent;
    }
  }
  c->rank = kept;
}

// At least two extents, the crossed one next to last.
static void choose_cross(struct copy_context *c) {
  while (c->rank < 2) {
    memmove(c->extents + 1, c->extents, c->rank * sizeof *c->extents);
    c->extents[0] = (struct extent){1, 0, 0};
    c->rank++;
  }
  size_t best = c->rank - 2;
  if (c->extents[c->rank - 1].source != 1)
    for (size_t d = 0; d + 1 < c->rank; d++)
      if (c->extents[d].source == 1) best = d;
  struct extent cross = c->extents[best];
  memmove(c->extents + best, c->extents + best + 1, (c->rank - 2 - best) * sizeof cross);
  c->extents[c->rank - 2] = cross;
}

#define COPY_BLOCK(type, inner_count, cross_count) \
  { \
    const type *s = (const type *)source; \
    type *d = (type *)destination; \
    if (inner_count >= cross_count) { \
      for (size_t i = 0; i < cross_count; i++) \
        for (size_t j = 0; j < inner_count; j++) \
          d[(ptrdiff_t)i * cross.destination + (ptrdiff_t)j * inner.destination] = \
            s[(ptrdiff_t)i * cross.source + (ptrdiff_t)j * inner.source]; \
    } else { \
      for (size_t j = 0; j < inner_count; j++) \
        for (size_t i = 0; i < cross_count; i++) \
          d[(ptrdiff_t)i * cross.destination + (ptrdiff_t)j * inner.destination] = \
            s[(ptrdiff_t)i * cross.source + (ptrdiff_t)j * inner.source]; \
    } \
  }

static void copy_block(const struct copy_context *c, size_t index) {
  const struct extent inner = c->extents[c->rank - 1], cross = c->extents[c->rank - 2];
  size_t inner_start = index % c->inner_blocks * c->inner_step;
  index /= c->inner_blocks;
  size_t cross_start = index % c->cross_blocks * c->cross_step;
  index /= c->cross_blocks;
  ptrdiff_t from = (ptrdiff_t)inner_start * inner.source + (ptrdiff_t)cross_start * cross.source;
  ptrdiff_t to = (ptrdiff_t)inner_start * inner.destination + (ptrdiff_t)cross_start * cross.destination;
  for (size_t d = c->rank - 2; d-- > 0;) {
    ptrdiff_t coordinate = (ptrdiff_t)(index % c->extents[d].count);
    index /= c->extents[d].count;
    from += coordinate * c->extents[d].source;
    to += coordinate * c->extents[d].destination;
  }
  const ptrdiff_t size = (ptrdiff_t)c->element_size;
  const char *source = c->source + from * size;
  char *destination = c->destination + to * size;
  size_t inner_count = ir_smaller(c->inner_step, inner.count - inner_start);
  size_t cross_count = ir_smaller(c->cross_step, cross.count - cross_start);
  if (inner.source == 1 && inner.destination == 1) {
    for (size_t i = 0; i < cross_count; i++)
      memcpy(
        destination + (ptrdiff_t)i * cross.destination * size, source + (ptrdiff_t)i * cross.source * size,
        inner_count * c->element_size);
    return;
  }
  // Pixels of two planes that become neighbours, and neighbours that part (pixel shuffle by 2 and its
  // inverse); numbers of four bytes of any type are moved as floats are.
  const bool are_words = c->element_size == 4, is_pair = inner_count == 2 && cross_count > 2;
  if (are_words && is_pair && cross.source == 1 && cross.destination == 2 && inner.destination == 1) {
    const float *s = (const float *)source;
    ir_kernels()->f32_interleave(cross_count, s, s + inner.source, (float *)destination);
    return;
  }
  if (are_words && cross_count == 2 && cross.source == 1 && inner.source == 2 && inner.destination == 1) {
    float *d = (float *)destination;
    ir_kernels()->f32_part(inner_count, (const float *)source, d, d + cross.destination);
    return;
  }
  if (are_words && cross.source == 1 && inner.destination == 1 && inner.source > 0 && cross.destination > 0) {
    ir_kernels()->f32_transpose(
      cross_count, inner_count, (const float *)source, (size_t)inner.source, (float *)destination,
      (size_t)cross.destination);
    return;
  }
  switch (c->element_size) {
    case 1: COPY_BLOCK(uint8_t, inner_count, cross_count) break;
    case 2: COPY_BLOCK(uint16_t, inner_count, cross_count) break;
    case 4: COPY_BLOCK(uint32_t, inner_count, cross_count) break;
    case 8: COPY_BLOCK(uint64_t, inner_count, cross_count) break;
    default: assert(false);
  }
}

static void run_task(const void *context, size_t index, int thread) {
  (void)thread;
  const struct copy_context *c = context;
  const size_t last = ir_smaller((index + 1) * c->task_blocks, c->blocks);
  for (size_t block = index * c->task_blocks; block < last; block++) copy_block(c, block);
}

// Elements of a task, if there are so many.
enum { TASK_ELEMENTS = 16 * 1024 };

void ir_copy(const struct ir_copy_params *params, const void *source, void *destination, int threads) {
  assert(params->rank <= IR_MOVEMENT_MAX_RANK);
  for (size_t d = 0; d < params->rank; d++)
    if (!params->shape[d]) return;
  struct copy_context c = {
    .element_size = params->element_size,
    .source = source,
    .destination = destination,
  };
  sort_extents(&c, params);
  merge_extents(&c);
  choose_cross(&c);
  const struct extent inner = c.extents[c.rank - 1], cross = c.extents[c.rank - 2];
  bool runs = inner.source == 1 && inner.destination == 1;
  c.inner_step = ir_smaller(inner.count, runs ? 32 * 1024 : 64);
  c.cross_step = ir_smaller(cross.count, ir_larger(1, (runs ? 16 * 1024 : 4096) / c.inner_step));
  c.inner_blocks = ir_ceiling_divide(inner.count, c.inner_step);
  c.cross_blocks = ir_ceiling_divide(cross.count, c.cross_step);
  c.blocks = c.inner_blocks * c.cross_blocks;
  for (size_t d = 0; d + 2 < c.rank; d++) c.blocks *= c.extents[d].count;
  c.task_blocks = ir_larger(1, TASK_ELEMENTS / (c.inner_step * c.cross_step));
  ir_parallel_for(ir_ceiling_divide(c.blocks, c.task_blocks), threads, run_task, &c);
}
