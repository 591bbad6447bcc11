#include "ir_kernels.h"
#include "ir_reduction.h"
#include "parallel.h"

enum { ELEMENTS_OF_A_TASK = 16 * 1024 };

struct scale_shift_context {
  const struct ir_axis_view *view;
  const float *input, *scale, *shift;
  float *output;
  size_t rows_of_a_task;
};

static void run_task(const void *context, size_t index, int thread) {
  (void)thread;
  const struct scale_shift_context *c = context;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t axis = c->view->axis, inner = c->view->inner;
  size_t start = index * c->rows_of_a_task;
  // A row is a channel's run; where runs are single elements, it is the whole axis.
  size_t rows = inner == 1 ? c->view->outer : c->view->outer * axis;
  size_t end = ir_smaller(start + c->rows_of_a_task, rows);
  for (size_t row = start; row < end; row++) {
    if (inner == 1) {
      kernels->f32_normalize_row(
        axis, 0, 1, c->scale, c->shift, c->input + row * axis, c->output + row * axis);
    } else {
      size_t channel = row % axis;
      kernels->f32_scale_shift(
        inner, c->input + row * inner, c->scale ? c->scale[channel] : 1,
        c->shift ? c->shift[channel] : 0, NULL, IR_ACTIVATION_NONE, c->output + row * inner);
    }
  }
}

void ir_scale_shift(
  const struct ir_axis_view *view, const float *input, const float *scale, const float *shift,
  float *output, int threads) {
  size_t length = view->inner == 1 ? view->axis : view->inner;
  size_t rows = view->inner == 1 ? view->outer : view->outer * view->axis;
  if (!length) return;
  struct scale_shift_context context = {
    view, input, scale, shift, output, ir_larger(1, ELEMENTS_OF_A_TASK / length),
  };
  ir_parallel_for(
    ir_ceiling_divide(rows, context.rows_of_a_task), threads, run_task, &context);
}
