#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "ir_movement.h"
#include "parallel.h"

enum { ELEMENTS_OF_A_TASK = 16 * 1024 };

struct pad_context {
  const struct ir_pad_params *params;
  const char *input, *value;
  char *output;
  size_t output_shape[IR_MOVEMENT_MAX_RANK];
  size_t rows, rows_of_a_task;
};

// The input coordinate that an output coordinate, less the pad before, shows; -1 for the value.
static ptrdiff_t source_of(enum ir_pad_mode mode, ptrdiff_t i, ptrdiff_t extent) {
  if (i >= 0 && i < extent) return i;
  switch (mode) {
    case IR_PAD_CONSTANT: return -1;
    case IR_PAD_EDGE: return i < 0 ? 0 : extent - 1;
    case IR_PAD_WRAP: return (i % extent + extent) % extent;
    case IR_PAD_REFLECT: {
      if (extent == 1) return 0;
      ptrdiff_t period = 2 * (extent - 1), j = (i % period + period) % period;
      return j < extent ? j : period - j;
    }
  }
  return -1;
}

static void pad_row(const struct pad_context *c, size_t row) {
  const struct ir_pad_params *p = c->params;
  const size_t last = p->rank - 1, size = p->element_size, width = c->output_shape[last];
  const ptrdiff_t extent = (ptrdiff_t)p->shape[last], before = p->before[last];
  char *output = c->output + row * width * size;
  ptrdiff_t offset = 0, stride = extent;
  bool outside = false;
  size_t rest = row;
  for (size_t d = last; d-- > 0;) {
    ptrdiff_t coordinate = (ptrdiff_t)(rest % c->output_shape[d]) - p->before[d];
    rest /= c->output_shape[d];
    ptrdiff_t source = source_of(p->mode, coordinate, (ptrdiff_t)p->shape[d]);
    outside |= source < 0;
    offset += source * stride;
    stride *= (ptrdiff_t)p->shape[d];
  }
  // The columns that show the input's row as it is.
  ptrdiff_t first = before > 0 ? before : 0, end = before + extent;
  if (end > (ptrdiff_t)width) end = (ptrdiff_t)width;
  if (outside || end < first) first = end = 0;
  for (ptrdiff_t x = 0; x < (ptrdiff_t)width; x++) {
    if (x == first && end > first) {
      memcpy(
        output + first * (ptrdiff_t)size, c->input + (offset + first - before) * (ptrdiff_t)size,
        (size_t)(end - first) * size);
      x = end - 1;
      continue;
    }
    ptrdiff_t source = outside ? -1 : source_of(p->mode, x - before, extent);
    const char *element = source < 0 ? c->value : c->input + (offset + source) * (ptrdiff_t)size;
    memcpy(output + x * (ptrdiff_t)size, element, size);
  }
}

static void run_task(const void *context, size_t index, int thread) {
  (void)thread;
  const struct pad_context *c = context;
  size_t end = ir_smaller((index + 1) * c->rows_of_a_task, c->rows);
  for (size_t row = index * c->rows_of_a_task; row < end; row++) pad_row(c, row);
}

void ir_pad(
  const struct ir_pad_params *params, const void *input, const void *value, void *output, int threads) {
  static const char zero[8];
  assert(params->rank <= IR_MOVEMENT_MAX_RANK);
  if (!params->rank) {
    memcpy(output, input, params->element_size);
    return;
  }
  struct pad_context c = {
    .params = params,
    .input = input,
    .value = value ? value : zero,
    .output = output,
    .rows = 1,
  };
  for (size_t d = 0; d < params->rank; d++) {
    ptrdiff_t extent = (ptrdiff_t)params->shape[d] + params->before[d] + params->after[d];
    if (extent <= 0) return;
    assert(params->shape[d] || params->mode == IR_PAD_CONSTANT);
    c.output_shape[d] = (size_t)extent;
    if (d + 1 < params->rank) c.rows *= (size_t)extent;
  }
  c.rows_of_a_task = ir_larger(1, ELEMENTS_OF_A_TASK / c.output_shape[params->rank - 1]);
  ir_parallel_for(ir_ceiling_divide(c.rows, c.rows_of_a_task), threads, run_task, &c);
}
