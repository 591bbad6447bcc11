#include <assert.h>

#include "conv2d_winograd.h"
#include "parallel.h"

// A task is a panel of tiles, for all output channels or some. Tiles are numbered strip by strip, row by row;
// a panel is as many as the matrix kernel has columns.
struct winograd_plan {
  struct ir_panels rows;
  size_t panels, row_parts;
};

enum { ENOUGH_TASKS = 8, FEWEST_PART_ROWS = 96 };

// Strips of a row of tiles, each as wide as a vector, and of a panel.
static size_t strips_per_row(const struct ir_conv2d_params *p) {
  return ir_ceiling_divide(p->output_width, ir_kernels()->lanes);
}
static size_t strips_per_panel(void) { return IR_WINOGRAD_STRIPS * ir_winograd_vectors(); }

static size_t strip_count(const struct ir_conv2d_params *p) {
  return ir_ceiling_divide(p->output_height, IR_WINOGRAD_TILE) * strips_per_row(p);
}

size_t ir_winograd_panel_count(const struct ir_conv2d_params *p) {
  return ir_ceiling_divide(strip_count(p), strips_per_panel());
}

static struct ir_winograd_strip strip_at(const struct ir_conv2d_params *p, size_t index) {
  struct ir_winograd_strip strip = {0};
  if (index >= strip_count(p)) return strip;
  const size_t lanes = ir_kernels()->lanes;
  size_t y = index / strips_per_row(p) * IR_WINOGRAD_TILE, x = index % strips_per_row(p) * lanes;
  ptrdiff_t top = (ptrdiff_t)y - (ptrdiff_t)p->pad_top, left = (ptrdiff_t)x - (ptrdiff_t)p->pad_left;
  for (size_t i = 0; i < IR_WINOGRAD_WINDOW; i++)
    strip.input_rows[i] = (top + (ptrdiff_t)i) * (ptrdiff_t)p->input_width + left;
  ir_winograd_clip(&strip, top, left, p->input_height, p->input_width);
  strip.output_offset = strip.residual_offset = y * p->output_width + x;
  strip.output_rows = ir_smaller(IR_WINOGRAD_TILE, p->output_height - y);
  strip.output_columns = ir_smaller(lanes, p->output_width - x);
  return strip;
}

void ir_winograd_strips(const struct ir_conv2d_params *p, size_t panel, struct ir_winograd_strip *strips) {
  for (size_t i = 0; i < strips_per_panel(); i++) strips[i] = strip_at(p, panel * strips_per_panel() + i);
}

struct ir_winograd_output ir_winograd_output_of(
  const struct ir_conv2d_params *p, size_t image, size_t channel, const float *bias, const float *residual,
  float *output) {
  const size_t plane = p->output_height * p->output_width;
  const size_t start = (image * p->output_channels + channel) * plane;
  return (struct ir_winograd_output){
    .bias = bias ? bias + channel : NULL,
    .residual = residual ? residual + start : NULL,
    .residual_plane_stride = plane,
    .residual_row_stride = p->output_width,
    .activation = p->activation,
    .slope = p->slope,
    .output = output + start,
    .plane_stride = plane,
    .row_stride = p->output_width,
  };
}

static struct winograd_plan plan_of(const struct ir_conv2d_params *p) {
  assert(ir_conv2d_winograd_applies(p));
  struct winograd_plan plan = {
    .rows = ir_panels_of(p->output_channels),
    .panels = ir_winograd_panel_count(p),
  };
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

// Tiles that lie in the columns of products, of which a third at least should be filled.
enum { FEWEST_TILES = 9 };

bool ir_conv2d_winograd_lacks_tiles(const struct ir_conv2d_params *p) {
  return p->batch * ir_ceiling_divide(p->output_height, IR_WINOGRAD_TILE) *
      ir_ceiling_divide(p->output_width, IR_WINOGRAD_TILE) <
    FEWEST_TILES &&
    p->activation != IR_ACTIVATION_LEAKY_RELU;
}

size_t ir_conv2d_winograd_packed_weights_count(const struct ir_conv2d_params *p) {
  return IR_WINOGRAD_POINTS * ir_packed_depth(p->input_channels, p->is_bfloat16) * p->output_channels;
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

static void run_task(const void *context, size_t index, int thread) {
  const struct winograd_context *c = context;
  const struct winograd_plan *plan = &c->plan;
  const struct ir_conv2d_params *p = c->params;
  size_t part = index % plan->row_parts, rest = index / plan->row_parts;
  size_t panel = rest % plan->panels, image = rest / plan->panels;
  struct ir_winograd_strip strips[IR_WINOGRAD_MAX_STRIPS];
  ir_winograd_strips(p, panel, strips);
  const size_t first_panel = plan->rows.count * part / plan->row_parts;
  const size_t first = ir_panel_start(&plan->rows, first_panel);
  const size_t input_plane = p->input_height * p->input_width;
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
    .output = ir_winograd_output_of(p, image, first, c->bias, c->residual, c->output),
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
