#include "matrix_multiply_small.h"

#include "parallel.h"

// Products of a matrix, and the fewest matrices, for which dot products beat packed panels; products of a
// task.
enum { MOST_PRODUCTS = 4096, FEWEST_MATRICES = 64, PRODUCTS_OF_A_TASK = 1 << 16 };

bool ir_is_small_product(const struct ir_matrix_multiply_params *p) {
  return p->outer_batch * p->inner_batch >= FEWEST_MATRICES && p->rows * p->columns * p->depth > 0 &&
    p->rows * p->columns * p->depth <= MOST_PRODUCTS && p->a.column == 1 && p->b.row == 1 && p->alpha == 1 &&
    p->activation == IR_ACTIVATION_NONE && p->function == IR_ELEMENTWISE_COPY && !p->is_bfloat16 &&
    !p->has_packed_columns;
}

struct small_context {
  const struct ir_matrix_multiply_params *params;
  const float *a, *b;
  float *c;
  size_t matrices_of_a_task;
};

static void run_task(const void *context, size_t index, int thread) {
  (void)thread;
  const struct small_context *c = context;
  const struct ir_matrix_multiply_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t end = ir_smaller((index + 1) * c->matrices_of_a_task, p->outer_batch * p->inner_batch);
  for (size_t matrix = index * c->matrices_of_a_task; matrix < end; matrix++) {
    const size_t outer = matrix / p->inner_batch, inner = matrix % p->inner_batch;
    kernels->f32_dot_products(
      p->rows, p->columns, p->depth, c->a + outer * p->a.outer + inner * p->a.inner, p->a.row,
      c->b + outer * p->b.outer + inner * p->b.inner, p->b.column,
      c->c + outer * p->c.outer + inner * p->c.inner, p->c.row, false);
  }
}

void ir_small_products(
  const struct ir_matrix_multiply_params *p, const float *a, const float *b, float *c, int threads) {
  const struct small_context context = {
    p, a, b, c, ir_larger(1, PRODUCTS_OF_A_TASK / (p->rows * p->columns * p->depth))};
  const size_t matrices = p->outer_batch * p->inner_batch;
  ir_parallel_for(ir_ceiling_divide(matrices, context.matrices_of_a_task), threads, run_task, &context);
}
