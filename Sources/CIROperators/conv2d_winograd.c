#include <assert.h>

#include "conv2d_packing.h"
#include "parallel.h"
#include "winograd_panel.h"

// A task is a panel of tiles, for all output channels or some. Tiles are numbered strip by strip, row by row;
// a panel is as many as the matrix kernel has columns.
struct winograd_plan {
  struct ir_panels rows;
  size_t strips_per_row, strips, panels, row_parts;
};

enum { ENOUGH_TASKS = 8, FEWEST_PART_ROWS = 96 };

// Results side by side in a strip, and strips of a panel.
static size_t strip_width(void) { return ir_kernels()->lanes; }
static size_t strips_per_panel(void) { return IR_WINOGRAD_STRIPS * ir_winograd_vectors(); }

static struct winograd_plan plan_of(const struct ir_conv2d_params *p) {
  assert(ir_conv2d_winograd_applies(p));
  struct winograd_plan plan = {
    .rows = ir_panels_of(p->output_channels),
    .strips_per_row = ir_ceiling_divide(p->output_width, strip_width()),
  };
  plan.strips = ir_ceiling_divide(p->output_height, IR_WINOGRAD_TILE) * plan.strips_per_row;
  plan.panels = ir_ceiling_divide(plan.strips, strips_per_panel());
  size_t parts = plan.panels ? ir_ceiling_divide(ENOUGH_TASKS, p->batch * plan.panels) : 1;
  plan.row_parts = ir_larger(1, ir_smaller(parts, p->output_channels / FEWEST_PART_ROWS));
  return plan;
}

bool ir_conv2d_winograd_takes(enum ir_activation activation) {
  return activation <= IR_ACTIVATION_LEAKY_RELU;
}

bool ir_conv2d_winograd_applies(const struct ir_conv2d_params *p) {
  return p->kernel_height == 3 && p->kernel_width == 3 && p->stride_y == 1 && p->stride_x == 1 &&
    p->dilation_y == 1 && p->dilation_x == 1 && p->groups == 1;
}

size_t ir_conv2d_winograd_packed_weights_count(const struct ir_conv2d_params *p) {
  return IR_WINOGRAD_POINTS * ir_packed_depth(p->input_channels, p->is_bfloat16) * p->output_channels;
}

// Three weights to their values at the six points, divided by what the windows' values lack.
static void weight_points(const double g[3], size_t stride, double *u) {
  const double root = 0.70710678118654752440;
  double even_a = -(g[0] + g[2] / 2) * 2 / 3, odd_a = -g[1] * root * 2 / 3;
  double even_b = (g[0] + g[2] * 2) / 6, odd_b = g[1] * 2 * root / 6;
  u[0] = g[0];
  u[stride] = even_a + odd_a;
  u[2 * stride] = even_a - odd_a;
  u[3 * stride] = even_b + odd_b;
  u[4 * stride] = even_b - odd_b;
  u[5 * stride] = g[2];
}

// The places of the rows of points as the kernels have them: in pairs.
static const size_t row_place[IR_WINOGRAD_WINDOW] = {0, 2, 3, 4, 5, 1};

// Weights of a window at all points, in the kernels' order.
static void evaluate_weights(const float g[9], float points[IR_WINOGRAD_POINTS]) {
  // [6][3], then [6][6].
  double half[IR_WINOGRAD_WINDOW * 3], row[IR_WINOGRAD_WINDOW];
  for (size_t x = 0; x < 3; x++) weight_points((double[]){g[x], g[3 + x], g[6 + x]}, 3, half + x);
  for (size_t y = 0; y < IR_WINOGRAD_WINDOW; y++) {
    weight_points(half + 3 * y, 1, row);
    for (size_t x = 0; x < IR_WINOGRAD_WINDOW; x++)
      points[row_place[y] * IR_WINOGRAD_WINDOW + x] = (float)row[x];
  }
}

void ir_conv2d_winograd_pack_rows(
  const struct ir_conv2d_params *p, size_t first, size_t last, const float *weights, float *packed) {
  const struct ir_panels panels = ir_panels_of(p->output_channels);
  const size_t step = p->is_bfloat16 ? 2 : 1, depth = ir_packed_depth(p->input_channels, p->is_bfloat16);
  const size_t stride = depth * p->output_channels;
  for (size_t panel = 0; panel < panels.count; panel++) {
    size_t start = ir_panel_start(&panels, panel), height = ir_panel_rows(&panels, panel);
    if (start < first || start >= last) continue;
    for (size_t i = 0; i < height; i++)
      for (size_t k = 0; k < depth; k++) {
        float points[2 * IR_WINOGRAD_POINTS];
        const size_t channels = ir_smaller(step, p->input_channels - k * step);
        for (size_t j = 0; j < channels; j++)
          evaluate_weights(
            weights + ((start - first + i) * p->input_channels + k * step + j) * 9,
            points + j * IR_WINOGRAD_POINTS);
        if (p->is_bfloat16) ir_kernels()->bf16_pair_rows(channels, IR_WINOGRAD_POINTS, points, points);
        for (size_t point = 0; point < IR_WINOGRAD_POINTS; point++)
          packed[point * stride + start * depth + k * height + i] = points[point];
      }
  }
}

// Floats of a thread's workspace.
static size_t thread_count(const struct ir_conv2d_params *p) {
  return ir_winograd_scratch_count(p->input_channels, p->output_channels, p->is_bfloat16);
}

size_t ir_conv2d_winograd_workspace(const struct ir_conv2d_params *p, int threads) {
  return (size_t)threads * thread_count(p) * sizeof(float);
}

struct winograd_context {
  const struct ir_conv2d_params *params;
  struct winograd_plan plan;
  const float *input, *weights, *bias, *residual;
  float *output, *workspace;
};

static struct ir_winograd_strip strip_at(
  const struct ir_conv2d_params *p, const struct winograd_plan *plan, size_t index) {
  struct ir_winograd_strip strip = {0};
  if (index >= plan->strips) return strip;
  size_t y = index / plan->strips_per_row * IR_WINOGRAD_TILE;
  size_t x = index % plan->strips_per_row * strip_width();
  ptrdiff_t top = (ptrdiff_t)y - (ptrdiff_t)p->pad_top, left = (ptrdiff_t)x - (ptrdiff_t)p->pad_left;
  for (size_t i = 0; i < IR_WINOGRAD_WINDOW; i++)
    strip.input_rows[i] = (top + (ptrdiff_t)i) * (ptrdiff_t)p->input_width + left;
  ir_winograd_clip(&strip, top, left, p->input_height, p->input_width);
  strip.output_offset = strip.residual_offset = y * p->output_width + x;
  strip.output_rows = ir_smaller(IR_WINOGRAD_TILE, p->output_height - y);
  strip.output_columns = ir_smaller(strip_width(), p->output_width - x);
  return strip;
}

static void run_task(const void *context, size_t index, int thread) {
  const struct winograd_context *c = context;
  const struct winograd_plan *plan = &c->plan;
  const struct ir_conv2d_params *p = c->params;
  size_t part = index % plan->row_parts, rest = index / plan->row_parts;
  size_t panel = rest % plan->panels, image = rest / plan->panels;
  struct ir_winograd_strip strips[IR_WINOGRAD_MAX_STRIPS];
  for (size_t i = 0; i < strips_per_panel(); i++)
    strips[i] = strip_at(p, plan, panel * strips_per_panel() + i);
  const size_t first_panel = plan->rows.count * part / plan->row_parts;
  const size_t first = ir_panel_start(&plan->rows, first_panel);
  const size_t plane = p->output_height * p->output_width, input_plane = p->input_height * p->input_width;
  const size_t start = (image * p->output_channels + first) * plane;
  ir_winograd_run(&(struct ir_winograd_panel){
    .rows = plan->rows,
    .first_panel = first_panel,
    .last_panel = plan->rows.count * (part + 1) / plan->row_parts,
    .depth = p->input_channels,
    .is_bfloat16 = p->is_bfloat16,
    .strips = strips,
    .input = c->input + image * p->input_channels * input_plane,
    .input_plane_stride = input_plane,
    .weights = c->weights,
    .scratch = c->workspace + (size_t)thread * thread_count(p),
    .output =
      {
        .bias = c->bias ? c->bias + first : NULL,
        .residual = c->residual ? c->residual + start : NULL,
        .residual_plane_stride = plane,
        .residual_row_stride = p->output_width,
        .activation = p->activation,
        .slope = p->slope,
        .output = c->output + start,
        .plane_stride = plane,
        .row_stride = p->output_width,
      },
  });
}

void ir_conv2d_winograd(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  struct winograd_context context = {
    params, plan_of(params), input, packed_weights, bias, residual, output, workspace,
  };
  if (!params->output_channels) return;
  size_t tasks = params->batch * context.plan.panels * context.plan.row_parts;
  ir_parallel_for(tasks, threads, run_task, &context);
}
