#include <string.h>

#include "conv2d_winograd.h"
#include "parallel.h"

// Of an image with few tiles their windows are the rows of the products, and output channels the columns: no
// column is empty. A task is as many output channels as the matrix kernel has columns.

// Input channels of a task of windows, an even number.
enum { TASK_DEPTH = 64, FEW_TILES = 4 };

struct few_plan {
  size_t tiles, depth, depth_parts, lanes, columns, groups;
  // The places of tiles in a vector, as ir_winograd_input has them.
  size_t lane[FEW_TILES];
  struct ir_winograd_strip strips[IR_WINOGRAD_MAX_STRIPS];
  // Floats: of all windows at all points; of a thread's weights as they are stored, from point to point and
  // in all; of its products of a point and of all points; of a thread.
  size_t windows, stored, point_stride, weights, product, products, thread;
};

bool ir_winograd_has_few_tiles(const struct ir_conv2d_params *p) {
  return ir_ceiling_divide(p->output_height, IR_WINOGRAD_TILE) *
    ir_ceiling_divide(p->output_width, IR_WINOGRAD_TILE) <=
    FEW_TILES;
}

static struct few_plan plan_of(const struct ir_conv2d_params *p) {
  const size_t lanes = ir_kernels()->lanes, columns = ir_kernels()->gemm_columns;
  struct few_plan plan = {
    .depth = ir_packed_depth(p->input_channels, p->is_bfloat16),
    .depth_parts = ir_ceiling_divide(p->input_channels, TASK_DEPTH),
    .lanes = lanes,
    .columns = columns,
    .groups = ir_ceiling_divide(p->output_channels, columns),
  };
  ir_winograd_strips(p, 0, plan.strips);
  for (size_t q = 0; q < IR_WINOGRAD_STRIPS; q++)
    for (size_t x = 0; x < plan.strips[q].output_columns; x += IR_WINOGRAD_TILE)
      plan.lane[plan.tiles++] = x / IR_WINOGRAD_TILE * IR_WINOGRAD_STRIPS + q;
  plan.windows = ir_aligned_count(IR_WINOGRAD_POINTS * plan.depth * plan.tiles);
  plan.stored = ir_aligned_count(columns * p->input_channels * 9);
  plan.point_stride = ir_aligned_count(plan.depth * columns) | 16;
  plan.weights = IR_WINOGRAD_POINTS * plan.point_stride;
  plan.product = ir_aligned_count(FEW_TILES * columns);
  plan.products = ir_aligned_count(columns * IR_WINOGRAD_POINTS * lanes);
  const size_t evaluated = 2 * IR_WINOGRAD_ROW_POINTS * TASK_DEPTH * lanes;
  plan.thread = ir_larger(evaluated, plan.stored + plan.weights + plan.product + plan.products);
  return plan;
}

size_t ir_winograd_few_workspace(const struct ir_conv2d_params *p, int threads) {
  const struct few_plan plan = plan_of(p);
  return (plan.windows + (size_t)threads * plan.thread) * sizeof(float);
}

struct few_context {
  const struct ir_conv2d_params *params;
  struct few_plan plan;
  const float *input, *bias, *residual;
  struct ir_weights weights;
  float *output, *windows, *threads;
  size_t image;
};

// Some channels of all tiles at a pair of rows of points, as a panel of rows: [point][depth][tiles].
static void evaluate_windows(const void *context, size_t index, int thread) {
  const struct few_context *c = context;
  const struct few_plan *plan = &c->plan;
  const struct ir_conv2d_params *p = c->params;
  const size_t channel = index % plan->depth_parts * TASK_DEPTH, pair = index / plan->depth_parts;
  const size_t plane = p->input_height * p->input_width, stride = TASK_DEPTH * plan->lanes;
  float *scratch = c->threads + (size_t)thread * plan->thread;
  const struct ir_winograd_input call = {
    .channels = ir_smaller(TASK_DEPTH, p->input_channels - channel),
    .vectors = 1,
    .pair = pair,
    .input = c->input + (c->image * p->input_channels + channel) * plane,
    .plane_stride = plane,
    .strips = plan->strips,
    .output = scratch,
    .point_stride = stride,
  };
  if (p->is_bfloat16) ir_kernels()->bf16_winograd_input(&call);
  else ir_kernels()->f32_winograd_input(&call);
  const size_t first = ir_packed_depth(channel, p->is_bfloat16);
  const size_t depth = ir_packed_depth(call.channels, p->is_bfloat16);
  for (size_t i = 0; i < 2 * IR_WINOGRAD_ROW_POINTS; i++) {
    const size_t point = pair * 2 * IR_WINOGRAD_ROW_POINTS + i;
    float *target = c->windows + (point * plan->depth + first) * plan->tiles;
    for (size_t k = 0; k < depth; k++)
      for (size_t t = 0; t < plan->tiles; t++)
        target[k * plan->tiles + t] = scratch[i * stride + k * plan->lanes + plan->lane[t]];
  }
}

// The weights of `count` output channels as float32, with zeros for the columns that have none.
static const float *stored_weights(
  const struct few_context *c, size_t channel, size_t count, float *scratch) {
  const size_t row = c->params->input_channels * 9, start = channel * row;
  if (!c->weights.is_half && count == c->plan.columns) return (const float *)c->weights.numbers + start;
  if (c->weights.is_half)
    ir_kernels()->f32_from_f16(count * row, (const uint16_t *)c->weights.numbers + start, scratch);
  else memcpy(scratch, (const float *)c->weights.numbers + start, count * row * sizeof *scratch);
  memset(scratch + count * row, 0, (c->plan.columns - count) * row * sizeof *scratch);
  return scratch;
}

static void run_group(const void *context, size_t group, int thread) {
  const struct few_context *c = context;
  const struct few_plan *plan = &c->plan;
  const struct ir_conv2d_params *p = c->params;
  const size_t channel = group * plan->columns;
  const size_t count = ir_smaller(plan->columns, p->output_channels - channel);
  float *scratch = c->threads + (size_t)thread * plan->thread, *weights = scratch + plan->stored;
  float *product = weights + plan->weights, *products = product + plan->product;
  ir_winograd_pack_panel(
    p, plan->columns, stored_weights(c, channel, count, scratch), weights, plan->point_stride);
  memset(products, 0, plan->products * sizeof *products);
  const size_t stride = IR_WINOGRAD_POINTS * plan->lanes;
  for (size_t point = 0; point < IR_WINOGRAD_POINTS; point++) {
    const struct ir_gemm_tile tile = {
      .rows = plan->tiles,
      .columns = plan->columns,
      .depth = plan->depth,
      .a = c->windows + point * plan->depth * plan->tiles,
      .b = weights + point * plan->point_stride,
      .c = product,
      .c_stride = plan->columns,
      .alpha = 1,
    };
    if (p->is_bfloat16) ir_kernels()->bf16_gemm(&tile);
    else ir_kernels()->f32_gemm(&tile);
    for (size_t t = 0; t < plan->tiles; t++)
      for (size_t o = 0; o < count; o++)
        products[o * stride + point * plan->lanes + plan->lane[t]] = product[t * plan->columns + o];
  }
  struct ir_winograd_output output =
    ir_winograd_output_of(p, c->image, channel, c->bias, c->residual, c->output);
  output.channels = count;
  output.vectors = 1;
  output.strips = plan->strips;
  output.products = products;
  output.channel_stride = stride;
  ir_kernels()->f32_winograd_output(&output);
}

void ir_winograd_few(
  const struct ir_conv2d_params *params, const float *input, struct ir_weights weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  struct few_context c = {
    .params = params,
    .plan = plan_of(params),
    .input = input,
    .bias = bias,
    .residual = residual,
    .weights = weights,
    .output = output,
    .windows = workspace,
  };
  c.threads = c.windows + c.plan.windows;
  if (!c.plan.tiles) return;
  for (c.image = 0; c.image < params->batch; c.image++) {
    ir_parallel_for(IR_WINOGRAD_PAIRS * c.plan.depth_parts, threads, evaluate_windows, &c);
    ir_parallel_for(c.plan.groups, threads, run_group, &c);
  }
}
