// Depthwise convolutions with a channel in each lane of a vector: planes that are too narrow for vectors
// along their rows, and windows with strides, whose columns would lie apart.

#include <assert.h>
#include <string.h>

#include "apply.h"
#include "depthwise.h"
#include "parallel.h"

// Floats of the rows that a task should read, and may; and most taps.
enum { FLOATS_OF_A_TASK = 1 << 13, MOST_FLOATS = 1 << 17, MOST_TAPS = 256 };

struct lanes_plan {
  size_t lanes, groups;
  /// Output rows of a task, tasks of a plane.
  size_t rows, blocks;
  /// Rows that a task reads, and columns of each, the pads with them.
  size_t input_rows, input_columns;
};

struct lanes_context {
  const struct ir_conv2d_params *params;
  struct lanes_plan plan;
  const float *input, *weights, *bias, *residual;
  float *output, *workspace;
  /// By tap, floats from a task's first vector of pixels to the first output's.
  size_t offsets[MOST_TAPS];
};

static struct lanes_plan plan_of(const struct ir_conv2d_params *p) {
  struct lanes_plan plan = {.lanes = ir_kernels()->lanes};
  plan.groups = ir_ceiling_divide(p->output_channels, plan.lanes);
  const size_t window = (p->kernel_height - 1) * p->dilation_y + 1;
  plan.input_columns = (p->output_width - 1) * p->stride_x + (p->kernel_width - 1) * p->dilation_x + 1;
  const size_t fitting = FLOATS_OF_A_TASK / (plan.input_columns * plan.lanes);
  // At least as many rows as a window, or its rows would be brought into lanes many times.
  const size_t rows =
    ir_larger(fitting > window ? (fitting - window) / p->stride_y + 1 : 1, p->kernel_height);
  plan.blocks = ir_ceiling_divide(p->output_height, ir_smaller(rows, p->output_height));
  plan.rows = ir_ceiling_divide(p->output_height, plan.blocks);
  plan.input_rows = (plan.rows - 1) * p->stride_y + window;
  return plan;
}

// A thread's floats: what it reads, weights and bias, and results.
static size_t input_count(const struct lanes_plan *plan) {
  return ir_aligned_count(plan->input_rows * plan->input_columns * plan->lanes);
}
static size_t weight_count(const struct ir_conv2d_params *p, const struct lanes_plan *plan) {
  return ir_aligned_count((p->kernel_height * p->kernel_width + 1) * plan->lanes);
}
static size_t thread_count(const struct ir_conv2d_params *p, const struct lanes_plan *plan) {
  return input_count(plan) + weight_count(p, plan) +
    ir_aligned_count(plan->rows * p->output_width * plan->lanes);
}

bool ir_depthwise_goes_by_lanes(const struct ir_conv2d_params *p) {
  const size_t lanes = ir_kernels()->lanes;
  if (!p->output_height || !p->output_width) return false;
  if (p->output_channels != p->groups || p->groups < lanes / 2) return false;
  if (p->kernel_height * p->kernel_width > MOST_TAPS) return false;
  if (p->stride_x == 1 && p->output_width >= 4 * lanes) return false;
  const struct lanes_plan plan = plan_of(p);
  return plan.input_columns <= MOST_FLOATS && plan.input_rows <= MOST_FLOATS / lanes / plan.input_columns;
}

size_t ir_depthwise_lanes_workspace(const struct ir_conv2d_params *p, int threads) {
  const struct lanes_plan plan = plan_of(p);
  return (size_t)threads * thread_count(p, &plan) * sizeof(float);
}

// The rows that the output rows from `first` on read, of some channels, with zeros around the planes.
static void read_rows(
  const struct lanes_context *c, const float *planes, size_t channels, size_t first, size_t count,
  float *target) {
  const struct ir_conv2d_params *p = c->params;
  const size_t lanes = c->plan.lanes, plane = p->input_height * p->input_width;
  const size_t left = ir_smaller(p->pad_left, c->plan.input_columns);
  const size_t width = ir_smaller(p->input_width, c->plan.input_columns - left);
  const size_t right = c->plan.input_columns - left - width;
  for (size_t i = 0; i < count; i++, target += c->plan.input_columns * lanes) {
    const size_t y = first * p->stride_y + i;
    if (y < p->pad_top || y - p->pad_top >= p->input_height) {
      memset(target, 0, c->plan.input_columns * lanes * sizeof *target);
      continue;
    }
    memset(target, 0, left * lanes * sizeof *target);
    memset(target + (left + width) * lanes, 0, right * lanes * sizeof *target);
    if (channels < lanes) memset(target + left * lanes, 0, width * lanes * sizeof *target);
    ir_kernels()->f32_transpose(
      width, channels, planes + (y - p->pad_top) * p->input_width, plane, target + left * lanes, lanes);
  }
}

static void read_weights(const struct lanes_context *c, size_t first, size_t channels, float *weights) {
  const struct ir_conv2d_params *p = c->params;
  const size_t lanes = c->plan.lanes, taps = p->kernel_height * p->kernel_width;
  if (channels < lanes) memset(weights, 0, (taps + 1) * lanes * sizeof *weights);
  ir_kernels()->f32_transpose(taps, channels, c->weights + first * taps, taps, weights, lanes);
  for (size_t i = 0; i < channels; i++) weights[taps * lanes + i] = c->bias ? c->bias[first + i] : 0;
}

// Results from lanes to planes, with the residual.
static void write_rows(
  const struct lanes_context *c, const float *results, size_t channels, size_t count, size_t place) {
  const struct ir_conv2d_params *p = c->params;
  const size_t plane = p->output_height * p->output_width;
  float *output = c->output + place;
  if (!c->residual) {
    ir_kernels()->f32_transpose(channels, count, results, c->plan.lanes, output, plane);
    return;
  }
  // The residual may be what is written.
  for (size_t i = 0; i < channels; i++)
    for (size_t k = 0; k < count; k++) {
      const float sum = results[k * c->plan.lanes + i] + c->residual[place + i * plane + k];
      output[i * plane + k] = p->activation == IR_ACTIVATION_RELU && sum < 0 ? 0 : sum;
    }
}

static void run_task(const void *context, size_t index, int thread) {
  const struct lanes_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const struct lanes_plan *plan = &c->plan;
  const size_t lanes = plan->lanes, first = index / plan->blocks % plan->groups * lanes;
  const size_t image = index / plan->blocks / plan->groups;
  const size_t channels = ir_smaller(lanes, p->output_channels - first);
  const size_t start = index % plan->blocks * plan->rows;
  if (start >= p->output_height) return;
  const size_t rows = ir_smaller(plan->rows, p->output_height - start);
  float *input = c->workspace + (size_t)thread * thread_count(p, plan);
  float *weights = input + input_count(plan), *results = weights + weight_count(p, plan);
  const size_t map = image * p->output_channels + first;
  read_rows(
    c, c->input + map * p->input_height * p->input_width, channels, start,
    (rows - 1) * p->stride_y + (p->kernel_height - 1) * p->dilation_y + 1, input);
  read_weights(c, first, channels, weights);
  const size_t taps = p->kernel_height * p->kernel_width;
  const struct ir_depthwise_lanes call = {
    .input = input,
    .step = p->stride_x * lanes,
    .row_step = p->stride_y * plan->input_columns * lanes,
    .offsets = c->offsets,
    .weights = weights,
    .count = taps,
    .bias = weights + taps * lanes,
    .activation = c->residual ? IR_ACTIVATION_NONE : p->activation,
    .rows = rows,
    .width = p->output_width,
    .output = results,
  };
  ir_kernels()->f32_depthwise_lanes(&call);
  const size_t place = map * p->output_height * p->output_width + start * p->output_width;
  write_rows(c, results, channels, rows * p->output_width, place);
  ir_apply(
    p->function, p->p, p->q, channels, rows * p->output_width, c->output + place,
    p->output_height * p->output_width);
}

void ir_depthwise_by_lanes(
  const struct ir_conv2d_params *params, const float *input, const float *weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  assert(ir_depthwise_goes_by_lanes(params));
  struct lanes_context context = {
    params, plan_of(params), input, weights, bias, residual, output, workspace, {0},
  };
  const size_t lanes = context.plan.lanes;
  for (size_t y = 0, k = 0; y < params->kernel_height; y++)
    for (size_t x = 0; x < params->kernel_width; x++)
      context.offsets[k++] =
        (y * params->dilation_y * context.plan.input_columns + x * params->dilation_x) * lanes;
  ir_parallel_for(params->batch * context.plan.groups * context.plan.blocks, threads, run_task, &context);
}
