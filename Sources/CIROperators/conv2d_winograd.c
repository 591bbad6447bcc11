#include <assert.h>

#include "gemm_block.h"
#include "ir_convolution.h"
#include "parallel.h"

// A task is a panel of tiles: their windows at the points, for every point the product with the weights,
// the results from the products. Tiles are numbered strip by strip, row by row; a panel is as many as
// the matrix kernel has columns.
struct winograd_plan {
  struct ir_panels rows;
  size_t tile_rows, strips_per_row, strips, panels, row_parts;
  /// Floats between the points of the packed weights and of the input, and between channels of the products.
  size_t weights_stride, input_stride, products_stride;
};

enum { STRIPS = 4, WINDOW_SIDE = IR_WINOGRAD_TILE + 2, ENOUGH_TASKS = 8, FEWEST_PART_ROWS = 96 };

// Vectors of tiles in a panel, and results side by side in a strip.
static size_t vectors_per_panel(void) { return ir_kernels()->gemm_columns / ir_kernels()->lanes; }
static size_t strip_width(void) { return ir_kernels()->lanes; }

static struct winograd_plan plan_of(const struct ir_conv2d_params *p) {
  assert(ir_conv2d_winograd_applies(p));
  struct winograd_plan plan = {
    .rows = ir_panels_of(p->output_channels),
    .tile_rows = ir_ceiling_divide(p->output_height, IR_WINOGRAD_TILE),
    .strips_per_row = ir_ceiling_divide(p->output_width, strip_width()),
    .weights_stride = p->input_channels * p->output_channels,
  };
  plan.strips = plan.tile_rows * plan.strips_per_row;
  plan.panels = ir_ceiling_divide(plan.strips, STRIPS * vectors_per_panel());
  size_t parts = plan.panels ? ir_ceiling_divide(ENOUGH_TASKS, p->batch * plan.panels) : 1;
  plan.row_parts = ir_larger(1, ir_smaller(parts, p->output_channels / FEWEST_PART_ROWS));
  size_t width = ir_kernels()->gemm_columns;
  plan.input_stride = ir_aligned_count(p->input_channels * width) | 16;
  // An odd number of cache lines, so that the rows of a product do not share a set of the cache.
  plan.products_stride = ir_aligned_count(IR_WINOGRAD_POINTS * width) | 16;
  return plan;
}

bool ir_conv2d_winograd_applies(const struct ir_conv2d_params *p) {
  return p->kernel_height == 3 && p->kernel_width == 3 && p->stride_y == 1 && p->stride_x == 1 &&
         p->dilation_y == 1 && p->dilation_x == 1 && p->groups == 1;
}

size_t ir_conv2d_winograd_packed_weights_count(const struct ir_conv2d_params *p) {
  return IR_WINOGRAD_POINTS * p->input_channels * p->output_channels;
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

// Where the kernels have the rows of points: in pairs.
static const size_t row_place[WINDOW_SIDE] = {0, 2, 3, 4, 5, 1};

void ir_conv2d_winograd_pack_weights(
  const struct ir_conv2d_params *p, const float *weights, float *packed) {
  const struct ir_panels panels = ir_panels_of(p->output_channels);
  const size_t depth = p->input_channels, stride = depth * p->output_channels;
  for (size_t panel = 0; panel < panels.count; panel++) {
    size_t start = ir_panel_start(&panels, panel), height = ir_panel_rows(&panels, panel);
    for (size_t i = 0; i < height; i++)
      for (size_t channel = 0; channel < depth; channel++) {
        const float *g = weights + ((start + i) * depth + channel) * 9;
        // [6][3], then [6][6].
        double half[WINDOW_SIDE * 3], points[WINDOW_SIDE * WINDOW_SIDE];
        for (size_t x = 0; x < 3; x++)
          weight_points((double[]){g[x], g[3 + x], g[6 + x]}, 3, half + x);
        for (size_t y = 0; y < WINDOW_SIDE; y++) weight_points(half + 3 * y, 1, points + WINDOW_SIDE * y);
        for (size_t point = 0; point < IR_WINOGRAD_POINTS; point++) {
          size_t place = row_place[point / WINDOW_SIDE] * WINDOW_SIDE + point % WINDOW_SIDE;
          packed[place * stride + start * depth + channel * height + i] = (float)points[point];
        }
      }
  }
}

// Floats of a thread's workspace: the input at a pair of rows of points, and the products at all.
static size_t input_count(const struct winograd_plan *plan) {
  return ir_aligned_count(2 * IR_WINOGRAD_ROW_POINTS * plan->input_stride);
}
static size_t thread_count(const struct ir_conv2d_params *p) {
  const struct winograd_plan plan = plan_of(p);
  return input_count(&plan) + p->output_channels * plan.products_stride;
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

// The samples of a window from `start` on that lie in 0 ..< extent.
static void clip_window(ptrdiff_t start, size_t size, size_t extent, size_t *first, size_t *last) {
  ptrdiff_t end = (ptrdiff_t)extent - start;
  *first = start < 0 ? ir_smaller((size_t)-start, size) : 0;
  *last = end < 0 ? 0 : ir_smaller((size_t)end, size);
}

static struct ir_winograd_strip strip_at(
  const struct ir_conv2d_params *p, const struct winograd_plan *plan, size_t index) {
  struct ir_winograd_strip strip = {0};
  if (index >= plan->strips) return strip;
  size_t y = index / plan->strips_per_row * IR_WINOGRAD_TILE;
  size_t x = index % plan->strips_per_row * strip_width();
  ptrdiff_t top = (ptrdiff_t)y - (ptrdiff_t)p->pad_top, left = (ptrdiff_t)x - (ptrdiff_t)p->pad_left;
  size_t width = strip_width() + 2;
  strip.input_offset = top * (ptrdiff_t)p->input_width + left;
  clip_window(top, WINDOW_SIDE, p->input_height, &strip.first_row, &strip.last_row);
  clip_window(left, width, p->input_width, &strip.first_column, &strip.last_column);
  strip.is_inside = strip.first_row == 0 && strip.last_row == WINDOW_SIDE && strip.first_column == 0 &&
                    strip.last_column == width;
  strip.output_offset = y * p->output_width + x;
  strip.output_rows = ir_smaller(IR_WINOGRAD_TILE, p->output_height - y);
  strip.output_columns = ir_smaller(strip_width(), p->output_width - x);
  return strip;
}

static void run_task(const void *context, size_t index, int thread) {
  const struct winograd_context *c = context;
  const struct winograd_plan *plan = &c->plan;
  const struct ir_conv2d_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t width = kernels->gemm_columns, vectors = vectors_per_panel();
  size_t part = index % plan->row_parts, rest = index / plan->row_parts;
  size_t panel = rest % plan->panels, image = rest / plan->panels;
  float *input = c->workspace + (size_t)thread * thread_count(p);
  float *products = input + input_count(plan);

  struct ir_winograd_strip strips[STRIPS * 4];
  assert(vectors <= 4);
  for (size_t i = 0; i < STRIPS * vectors; i++)
    strips[i] = strip_at(p, plan, panel * STRIPS * vectors + i);
  size_t first_panel = plan->rows.count * part / plan->row_parts;
  size_t last_panel = plan->rows.count * (part + 1) / plan->row_parts;
  size_t first = ir_panel_start(&plan->rows, first_panel);

  for (size_t pair = 0; pair < IR_WINOGRAD_PAIRS; pair++) {
    kernels->f32_winograd_input(&(struct ir_winograd_input){
      .channels = p->input_channels,
      .vectors = vectors,
      .pair = pair,
      .input = c->input + image * p->input_channels * p->input_height * p->input_width,
      .plane_stride = p->input_height * p->input_width,
      .row_stride = p->input_width,
      .strips = strips,
      .output = input,
      .point_stride = plan->input_stride,
    });
    for (size_t i = 0; i < 2 * IR_WINOGRAD_ROW_POINTS; i++) {
      size_t point = pair * 2 * IR_WINOGRAD_ROW_POINTS + i;
      for (size_t r = first_panel; r < last_panel; r++) {
        size_t row = ir_panel_start(&plan->rows, r);
        kernels->f32_gemm(&(struct ir_gemm_tile){
          .rows = ir_panel_rows(&plan->rows, r),
          .columns = width,
          .depth = p->input_channels,
          .a = c->weights + point * plan->weights_stride + row * p->input_channels,
          .b = input + i * plan->input_stride,
          .c = products + (row - first) * plan->products_stride + point * width,
          .c_stride = plan->products_stride,
          .alpha = 1,
        });
      }
    }
  }

  size_t plane = p->output_height * p->output_width;
  size_t start = (image * p->output_channels + first) * plane;
  kernels->f32_winograd_output(&(struct ir_winograd_output){
    .channels = ir_panel_start(&plan->rows, last_panel) - first,
    .vectors = vectors,
    .products = products,
    .channel_stride = plan->products_stride,
    .strips = strips,
    .bias = c->bias ? c->bias + first : NULL,
    .residual = c->residual ? c->residual + start : NULL,
    .activation = p->activation,
    .slope = p->slope,
    .output = c->output + start,
    .plane_stride = plane,
    .row_stride = p->output_width,
  });
}

void ir_conv2d_winograd(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights,
  const float *bias, const float *residual, float *output, void *workspace, int threads) {
  struct winograd_context context = {
    params, plan_of(params), input, packed_weights, bias, residual, output, workspace,
  };
  if (!params->output_channels) return;
  size_t tasks = params->batch * context.plan.panels * context.plan.row_parts;
  ir_parallel_for(tasks, threads, run_task, &context);
}
