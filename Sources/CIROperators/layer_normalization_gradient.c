#include <math.h>
#include <string.h>

#include "ir_gradients.h"
#include "ir_kernels.h"
#include "parallel.h"

enum { COLUMNS_OF_A_TASK = 256, ROWS_OF_A_TASK = 32 };

// The parameters' gradients are summed task by task, then over the tasks in order.
static size_t task_count(const struct ir_layer_normalization_gradient_params *p) {
  if (p->view.inner == 1) return ir_ceiling_divide(p->view.outer, ROWS_OF_A_TASK);
  return p->view.outer * ir_ceiling_divide(p->view.inner, COLUMNS_OF_A_TASK);
}

// A worker's sums, lane by lane, and four vectors of input and cotangent along the axis.
static size_t worker_count(const struct ir_layer_normalization_gradient_params *p) {
  return ir_aligned_count(10 * p->view.axis * ir_kernels()->lanes);
}

static size_t partial_count(const struct ir_layer_normalization_gradient_params *p) {
  return ir_aligned_count(task_count(p) * 2 * p->view.axis);
}

size_t ir_layer_normalization_gradient_workspace(
  const struct ir_layer_normalization_gradient_params *p, int threads) {
  return (partial_count(p) + (size_t)threads * worker_count(p)) * sizeof(float);
}

struct gradient_context {
  const struct ir_layer_normalization_gradient_params *params;
  const float *input, *cotangent, *scale, *addend;
  float *output, *partial, *workers;
};

static void run_columns(const void *context, size_t index, int thread) {
  const struct gradient_context *c = context;
  const struct ir_axis_view *view = &c->params->view;
  size_t blocks = ir_ceiling_divide(view->inner, COLUMNS_OF_A_TASK);
  size_t column = index % blocks * COLUMNS_OF_A_TASK;
  size_t start = index / blocks * view->axis * view->inner + column;
  struct ir_layer_normalization_columns columns = {
    .axis = view->axis,
    .width = ir_smaller(COLUMNS_OF_A_TASK, view->inner - column),
    .stride = view->inner,
    .epsilon = c->params->epsilon,
    .input = c->input + start,
    .cotangent = c->cotangent + start,
    .scale = c->scale,
    .addend = c->addend ? c->addend + start : NULL,
    .output = c->output + start,
    .lane_sums = c->workers + (size_t)thread * worker_count(c->params),
    .sums = c->partial + index * 2 * view->axis,
  };
  ir_kernels()->f32_layer_normalization_gradient(&columns);
}

static void run_rows(const void *context, size_t index, int thread) {
  (void)thread;
  const struct gradient_context *c = context;
  const size_t count = c->params->view.axis;
  float *sums = c->partial + index * 2 * count;
  memset(sums, 0, 2 * count * sizeof *sums);
  size_t end = ir_smaller((index + 1) * ROWS_OF_A_TASK, c->params->view.outer);
  for (size_t row = index * ROWS_OF_A_TASK; row < end; row++) {
    const float *x = c->input + row * count, *g = c->cotangent + row * count;
    const float *addend = c->addend ? c->addend + row * count : NULL;
    float *output = c->output + row * count;
    double mean = 0, square = 0, inner = 0, dot = 0;
    for (size_t i = 0; i < count; i++) mean += x[i];
    mean /= (double)count;
    for (size_t i = 0; i < count; i++) square += (x[i] - mean) * (x[i] - mean);
    float factor = (float)(1 / sqrt(square / (double)count + c->params->epsilon));
    for (size_t i = 0; i < count; i++) {
      float scaled = c->scale ? g[i] * c->scale[i] : g[i];
      inner += scaled;
      dot += scaled * (x[i] - (float)mean) * factor;
    }
    inner /= (double)count, dot /= (double)count;
    for (size_t i = 0; i < count; i++) {
      float normal = (x[i] - (float)mean) * factor;
      float scaled = c->scale ? g[i] * c->scale[i] : g[i];
      float own = factor * (scaled - (float)inner - normal * (float)dot);
      output[i] = addend ? own + addend[i] : own;
      sums[2 * i] += g[i] * normal;
      sums[2 * i + 1] += g[i];
    }
  }
}

void ir_layer_normalization_gradient(
  const struct ir_layer_normalization_gradient_params *params, const float *input, const float *cotangent,
  const float *scale, const float *addend, float *output, float *scale_gradient, float *bias_gradient,
  void *workspace, int threads) {
  const struct ir_axis_view *view = &params->view;
  struct gradient_context context = {
    params, input, cotangent, scale, addend, output, workspace, (float *)workspace + partial_count(params),
  };
  size_t tasks = task_count(params);
  if (!view->axis) return;
  ir_parallel_for(tasks, threads, view->inner == 1 ? run_rows : run_columns, &context);
  for (size_t i = 0; i < view->axis; i++) {
    double of_scale = 0, of_bias = 0;
    for (size_t task = 0; task < tasks; task++) {
      of_scale += context.partial[(task * view->axis + i) * 2];
      of_bias += context.partial[(task * view->axis + i) * 2 + 1];
    }
    scale_gradient[i] = (float)of_scale;
    bias_gradient[i] = (float)of_bias;
  }
}
