#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "ir_kernels.h"
#include "ir_movement.h"
#include "parallel.h"

enum { BYTES_OF_A_TASK = 64 * 1024, ELEMENTS_OF_A_TASK = 32 * 1024 };

struct gather_context {
  const struct ir_gather_params *params;
  const char *input;
  const void *indices;
  char *output;
  size_t runs, runs_of_a_task;
};

static size_t index_at(const struct gather_context *c, size_t place) {
  int64_t extent = (int64_t)c->params->axis;
  const bool is_short = c->params->index_size == 4;
  int64_t i = is_short ? ((const int32_t *)c->indices)[place] : ((const int64_t *)c->indices)[place];
  if (i < 0) i += extent;
  return (size_t)(i < 0 ? 0 : i >= extent ? extent - 1 : i);
}

static void run_gather(const void *context, size_t index, int thread) {
  (void)thread;
  const struct gather_context *c = context;
  const struct ir_gather_params *p = c->params;
  const size_t bytes = p->inner * p->element_size;
  size_t end = ir_smaller((index + 1) * c->runs_of_a_task, c->runs);
  // Indices that follow each other are one copy: those of windows cut out of feature maps do.
  for (size_t run = index * c->runs_of_a_task, count; run < end; run += count) {
    const size_t place = run % p->index_count, first = index_at(c, place);
    const size_t most = ir_smaller(p->index_count - place, end - run);
    for (count = 1; count < most && index_at(c, place + count) == first + count;) count++;
    const size_t source = run / p->index_count * p->axis + first;
    memcpy(c->output + run * bytes, c->input + source * bytes, count * bytes);
  }
}

void ir_gather(
  const struct ir_gather_params *params, const void *input, const void *indices, void *output, int threads) {
  size_t bytes = params->inner * params->element_size;
  assert(params->axis > 0 || !bytes || !params->index_count);
  struct gather_context c = {
    params,
    input,
    indices,
    output,
    params->outer * params->index_count,
    ir_larger(1, BYTES_OF_A_TASK / ir_larger(1, bytes)),
  };
  if (bytes) ir_parallel_for(ir_ceiling_divide(c.runs, c.runs_of_a_task), threads, run_gather, &c);
}

// A run is the inner elements of one index along the axis.
#define PICK(type) \
  for (size_t i = 0; i < p->inner; i++) \
  ((type *)c->output)[first + i] = ((const type *)c->input)[line + index_at(c, first + i) * p->inner + i]

static void run_gather_elements(const void *context, size_t index, int thread) {
  (void)thread;
  const struct gather_context *c = context;
  const struct ir_gather_params *p = c->params;
  size_t end = ir_smaller((index + 1) * c->runs_of_a_task, c->runs);
  for (size_t run = index * c->runs_of_a_task; run < end; run++) {
    size_t first = run * p->inner, line = run / p->index_count * p->axis * p->inner;
    switch (p->element_size) {
      case 1: PICK(uint8_t); break;
      case 2: PICK(uint16_t); break;
      case 4: PICK(uint32_t); break;
      default: assert(p->element_size == 8); PICK(uint64_t);
    }
  }
}

void ir_gather_elements(
  const struct ir_gather_params *params, const void *input, const void *indices, void *output, int threads) {
  assert(params->axis > 0 || !params->inner || !params->index_count);
  struct gather_context c = {
    params,
    input,
    indices,
    output,
    params->outer * params->index_count,
    ir_larger(1, ELEMENTS_OF_A_TASK / ir_larger(1, params->inner)),
  };
  if (!params->inner) return;
  ir_parallel_for(ir_ceiling_divide(c.runs, c.runs_of_a_task), threads, run_gather_elements, &c);
}

struct convert_context {
  size_t count;
  const void *input;
  void *output;
};

static void convert_from_f16(const void *context, size_t index, int thread) {
  (void)thread;
  const struct convert_context *c = context;
  size_t start = index * ELEMENTS_OF_A_TASK;
  size_t count = ir_smaller(ELEMENTS_OF_A_TASK, c->count - start);
  ir_kernels()->f32_from_f16(count, (const uint16_t *)c->input + start, (float *)c->output + start);
}

static void convert_to_f16(const void *context, size_t index, int thread) {
  (void)thread;
  const struct convert_context *c = context;
  size_t start = index * ELEMENTS_OF_A_TASK;
  size_t count = ir_smaller(ELEMENTS_OF_A_TASK, c->count - start);
  ir_kernels()->f32_to_f16(count, (const float *)c->input + start, (uint16_t *)c->output + start);
}

void ir_convert_f16_to_f32(size_t count, const uint16_t *input, float *output, int threads) {
  struct convert_context c = {count, input, output};
  ir_parallel_for(ir_ceiling_divide(count, ELEMENTS_OF_A_TASK), threads, convert_from_f16, &c);
}

void ir_convert_f32_to_f16(size_t count, const float *input, uint16_t *output, int threads) {
  struct convert_context c = {count, input, output};
  ir_parallel_for(ir_ceiling_divide(count, ELEMENTS_OF_A_TASK), threads, convert_to_f16, &c);
}
