#include "conv2d_winograd.h"
#include "parallel.h"

// Windows of a block of panels of tiles are evaluated by all threads. Then a task is a group of output
// channels: its weights are evaluated, multiplied with all windows, and forgotten.

// Panels of tiles in a block, for each of which weights are evaluated again; of these as many as a group's
// weights of a point are multiplied with in a row; input channels of a task; output channels of a group.
enum { BLOCK_PANELS = 16, RUN_PANELS = 4, TASK_DEPTH = 64, GROUP_ROWS = 24 };

struct streamed_plan {
  struct ir_panels rows;
  size_t panels, depth, group_panels, group_rows, depth_parts;
  // Floats: of a panel's windows at all points, of a block's, of a thread's weights as they are stored, from
  // point to point and in all, of a thread.
  size_t windows, block, widened, point_stride, weights, thread;
};

static struct streamed_plan plan_of(const struct ir_conv2d_params *p, bool is_half) {
  struct streamed_plan plan = {
    .rows = ir_panels_of(p->output_channels),
    .panels = ir_winograd_panel_count(p),
    .depth = ir_packed_depth(p->input_channels, p->is_bfloat16),
    .depth_parts = ir_ceiling_divide(p->input_channels, TASK_DEPTH),
  };
  // The first panels are the tallest.
  const size_t tallest = ir_panel_rows(&plan.rows, 0);
  plan.group_panels = ir_larger(1, GROUP_ROWS / tallest);
  plan.group_rows = plan.group_panels * tallest;
  plan.windows = IR_WINOGRAD_POINTS * ir_winograd_input_stride(plan.depth);
  plan.block = ir_smaller(BLOCK_PANELS, plan.panels) * plan.windows;
  plan.widened = is_half ? ir_aligned_count(tallest * p->input_channels * 9) : 0;
  // An odd number of cache lines, as ir_winograd_input_stride.
  plan.point_stride = ir_aligned_count(plan.depth * plan.group_rows) | 16;
  plan.weights = ir_aligned_count(IR_WINOGRAD_POINTS * plan.point_stride);
  plan.thread = plan.widened + plan.weights + RUN_PANELS * plan.group_rows * ir_winograd_products_stride();
  return plan;
}

size_t ir_conv2d_winograd_streamed_workspace(const struct ir_conv2d_params *p, bool is_half, int threads) {
  if (!p->output_channels) return 0;
  if (ir_winograd_has_few_tiles(p)) return ir_winograd_few_workspace(p, threads);
  const struct streamed_plan plan = plan_of(p, is_half);
  return (plan.block + (size_t)threads * plan.thread) * sizeof(float);
}

struct streamed_context {
  const struct ir_conv2d_params *params;
  struct streamed_plan plan;
  const float *input, *bias, *residual;
  struct ir_weights weights;
  float *output, *windows, *threads;
  size_t image, first_panel, panel_count;
};

// Some channels of a panel of tiles at a pair of rows of points.
static void evaluate_windows(const void *context, size_t index, int thread) {
  (void)thread;
  const struct streamed_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  const size_t channel = index % c->plan.depth_parts * TASK_DEPTH, rest = index / c->plan.depth_parts;
  const size_t pair = rest % IR_WINOGRAD_PAIRS, panel = rest / IR_WINOGRAD_PAIRS;
  const size_t plane = p->input_height * p->input_width, stride = ir_winograd_input_stride(c->plan.depth);
  struct ir_winograd_strip strips[IR_WINOGRAD_MAX_STRIPS];
  ir_winograd_strips(p, c->first_panel + panel, strips);
  const struct ir_winograd_input call = {
    .channels = ir_smaller(TASK_DEPTH, p->input_channels - channel),
    .vectors = ir_winograd_vectors(),
    .pair = pair,
    .input = c->input + (c->image * p->input_channels + channel) * plane,
    .plane_stride = plane,
    .strips = strips,
    .output = c->windows + panel * c->plan.windows + pair * 2 * IR_WINOGRAD_ROW_POINTS * stride +
      ir_packed_depth(channel, p->is_bfloat16) * ir_kernels()->gemm_columns,
    .point_stride = stride,
  };
  if (p->is_bfloat16) ir_kernels()->bf16_winograd_input(&call);
  else ir_kernels()->f32_winograd_input(&call);
}

// The weights of the panels first ..< last of output channels at the points.
static void evaluate_weights(const struct streamed_context *c, size_t first, size_t last, float *scratch) {
  const struct streamed_plan *plan = &c->plan;
  const size_t start = ir_panel_start(&plan->rows, first), row_count = c->params->input_channels * 9;
  for (size_t panel = first; panel < last; panel++) {
    const size_t row = ir_panel_start(&plan->rows, panel), rows = ir_panel_rows(&plan->rows, panel);
    const float *values = (const float *)c->weights.numbers + row * row_count;
    if (c->weights.is_half) {
      ir_kernels()->f32_from_f16(
        rows * row_count, (const uint16_t *)c->weights.numbers + row * row_count, scratch);
      values = scratch;
    }
    ir_winograd_pack_panel(
      c->params, rows, values, scratch + plan->widened + (row - start) * plan->depth, plan->point_stride);
  }
}

// The products of a group's weights with the windows of some panels of tiles, point by point.
static void multiply(
  const struct streamed_context *c, size_t first, size_t last, size_t tiles, size_t count,
  const float *weights, float *products) {
  const struct streamed_plan *plan = &c->plan;
  const size_t width = ir_kernels()->gemm_columns, stride = ir_winograd_products_stride();
  const size_t start = ir_panel_start(&plan->rows, first);
  for (size_t point = 0; point < IR_WINOGRAD_POINTS; point++)
    for (size_t panel = first; panel < last; panel++)
      for (size_t i = 0; i < count; i++) {
        const size_t row = ir_panel_start(&plan->rows, panel) - start;
        const struct ir_gemm_tile tile = {
          .rows = ir_panel_rows(&plan->rows, panel),
          .columns = width,
          .depth = plan->depth,
          .a = weights + point * plan->point_stride + row * plan->depth,
          .b = c->windows + (tiles + i) * plan->windows + point * ir_winograd_input_stride(plan->depth),
          .c = products + (i * plan->group_rows + row) * stride + point * width,
          .c_stride = stride,
          .alpha = 1,
        };
        if (c->params->is_bfloat16) ir_kernels()->bf16_gemm(&tile);
        else ir_kernels()->f32_gemm(&tile);
      }
}

static void run_group(const void *context, size_t group, int thread) {
  const struct streamed_context *c = context;
  const struct streamed_plan *plan = &c->plan;
  const size_t first = group * plan->group_panels;
  const size_t last = ir_smaller(first + plan->group_panels, plan->rows.count);
  const size_t start = ir_panel_start(&plan->rows, first);
  float *scratch = c->threads + (size_t)thread * plan->thread, *weights = scratch + plan->widened;
  float *products = weights + plan->weights;
  evaluate_weights(c, first, last, scratch);
  for (size_t tiles = 0; tiles < c->panel_count && !ir_is_ended(); tiles += RUN_PANELS) {
    const size_t count = ir_smaller(RUN_PANELS, c->panel_count - tiles);
    multiply(c, first, last, tiles, count, weights, products);
    for (size_t i = 0; i < count; i++) {
      struct ir_winograd_strip strips[IR_WINOGRAD_MAX_STRIPS];
      ir_winograd_strips(c->params, c->first_panel + tiles + i, strips);
      struct ir_winograd_output output =
        ir_winograd_output_of(c->params, c->image, start, c->bias, c->residual, c->output);
      output.channels = ir_panel_start(&plan->rows, last - 1) + ir_panel_rows(&plan->rows, last - 1) - start;
      output.vectors = ir_winograd_vectors();
      output.strips = strips;
      output.products = products + i * plan->group_rows * ir_winograd_products_stride();
      output.channel_stride = ir_winograd_products_stride();
      ir_kernels()->f32_winograd_output(&output);
    }
  }
}

void ir_conv2d_winograd_streamed(
  const struct ir_conv2d_params *params, const float *input, struct ir_weights weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  if (!params->output_channels) return;
  if (ir_winograd_has_few_tiles(params)) {
    ir_winograd_few(params, input, weights, bias, residual, output, workspace, threads);
    return;
  }
  struct streamed_context c = {
    .params = params,
    .plan = plan_of(params, weights.is_half),
    .input = input,
    .bias = bias,
    .residual = residual,
    .weights = weights,
    .output = output,
    .windows = workspace,
  };
  c.threads = c.windows + c.plan.block;
  const size_t groups = ir_ceiling_divide(c.plan.rows.count, c.plan.group_panels);
  for (c.image = 0; c.image < params->batch; c.image++)
    for (c.first_panel = 0; c.first_panel < c.plan.panels; c.first_panel += BLOCK_PANELS) {
      c.panel_count = ir_smaller(BLOCK_PANELS, c.plan.panels - c.first_panel);
      ir_parallel_for(c.panel_count * IR_WINOGRAD_PAIRS * c.plan.depth_parts, threads, evaluate_windows, &c);
      ir_parallel_for(groups, threads, run_group, &c);
    }
}
