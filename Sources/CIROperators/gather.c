#include <assert.h>
#include <string.h>

#include "ir_kernels.h"
#include "ir_movement.h"
#include "parallel.h"

enum { BYTES_OF_A_TASK = 64 * 1024, ELEMENTS_OF_A_TASK = 32 * 1024 };

struct gather_context {
  const struct ir_gather_params *params;
  const char *input;
  const int64_t *indices;
  char *output;
  size_t runs, runs_of_a_task;
};

static void run_gather(const void *context, size_t index, int thread) {
  (void)thread;
  const struct gather_context *c = context;
  const struct ir_gather_params *p = c->params;
  const size_t bytes = p->inner * p->element_size;
  size_t end = ir_smaller((index + 1) * c->runs_of_a_task, c->runs);
  for (size_t run = index * c->runs_of_a_task; run < end; run++) {
    int64_t i = c->indices[run % p->index_count];
    if (i < 0) i += (int64_t)p->axis;
    assert(i >= 0 && i < (int64_t)p->axis);
    size_t source = run / p->index_count * p->axis + (size_t)i;
    memcpy(c->output + run * bytes, c->input + source * bytes, bytes);
  }
}

void ir_gather(
  const struct ir_gather_params *params, const void *input, const int64_t *indices, void *output,
  int threads) {
  size_t bytes = params->inner * params->element_size;
  struct gather_context c = {
    params, input, indices, output, params->outer * params->index_count,
    ir_larger(1, BYTES_OF_A_TASK / ir_larger(1, bytes)),
  };
  if (bytes) ir_parallel_for(ir_ceiling_divide(c.runs, c.runs_of_a_task), threads, run_gather, &c);
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
