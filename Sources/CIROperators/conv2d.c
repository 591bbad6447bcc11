#include <assert.h>
#include <stdbool.h>

#include "conv2d_packing.h"
#include "depthwise.h"
#include "gemm_block.h"
#include "ir_convolution.h"
#include "parallel.h"
#include "sliding.h"

// One group of one image: rows are output channels, columns pixels, depth (tap, channel).
struct conv2d_plan {
  struct ir_sliding sliding;
  struct ir_panels panels;
  size_t rows, columns, depth;
  size_t column_blocks, row_parts;
  /// Whether columns are packed once for all parts of the rows, and blocks of depth.
  bool packs_first;
  size_t depth_blocks;
};

// Fewer column blocks than this, and the panels are shared out as well. Columns are then packed first where
// that takes no more than MOST_PACKED floats.
enum { ENOUGH_TASKS = 8, MOST_PACKED = 1 << 21 };

// Floats of a block of depth of a block of columns that are packed first.
static size_t packed_block_count(const struct conv2d_plan *plan) {
  const size_t width = ir_kernels()->gemm_columns;
  const size_t columns = ir_ceiling_divide(ir_smaller(IR_COLUMN_BLOCK, plan->columns), width) * width;
  return ir_aligned_count(ir_depth_block(plan->depth) * columns + width);
}

// Those of all.
static size_t packed_count(const struct ir_conv2d_params *p, const struct conv2d_plan *plan) {
  return p->batch * p->groups * plan->column_blocks * plan->depth_blocks * packed_block_count(plan);
}

// Rows of a panel, of all instruction sets.
enum { MOST_ROWS = 16 };

static struct conv2d_plan plan_of(const struct ir_conv2d_params *p) {
  assert(p->groups >= 1 && p->input_channels % p->groups == 0);
  assert(p->output_channels % p->groups == 0);
  struct conv2d_plan plan = {
    .sliding =
      {
        .channels = p->input_channels / p->groups,
        .height = p->input_height,
        .width = p->input_width,
        .grid_height = p->output_height,
        .grid_width = p->output_width,
        .step_y = p->stride_y,
        .step_x = p->stride_x,
        .tap_rows = p->kernel_height,
        .tap_columns = p->kernel_width,
        .first_dy = -(ptrdiff_t)p->pad_top,
        .next_dy = (ptrdiff_t)p->dilation_y,
        .first_dx = -(ptrdiff_t)p->pad_left,
        .next_dx = (ptrdiff_t)p->dilation_x,
      },
    .rows = p->output_channels / p->groups,
    .columns = p->output_height * p->output_width,
  };
  plan.panels = ir_panels_of(plan.rows);
  plan.depth = plan.sliding.channels * p->kernel_height * p->kernel_width;
  plan.column_blocks = ir_ceiling_divide(plan.columns, IR_COLUMN_BLOCK);
  size_t tasks = p->batch * p->groups * plan.column_blocks;
  plan.row_parts = ir_panel_parts(&plan.panels, tasks, ENOUGH_TASKS);
  plan.depth_blocks = plan.depth ? ir_ceiling_divide(plan.depth, ir_depth_block(plan.depth)) : 0;
  plan.packs_first = plan.row_parts > 1 && packed_count(p, &plan) <= MOST_PACKED;
  return plan;
}

size_t ir_conv2d_packed_weights_count(const struct ir_conv2d_params *p) {
  const size_t depth = p->input_channels / p->groups * p->kernel_height * p->kernel_width;
  return p->output_channels * (ir_is_depthwise(p) ? depth : ir_packed_depth(depth, p->is_bfloat16));
}

size_t ir_conv2d_pack_start(const struct ir_conv2d_params *p, size_t part) {
  const struct ir_panels panels = ir_panels_of(p->output_channels / p->groups);
  const size_t group = panels.count ? part / panels.count : p->groups;
  if (ir_is_depthwise(p) ? part > 0 : group >= p->groups) return p->output_channels;
  return ir_is_depthwise(p)
    ? 0
    : group * (p->output_channels / p->groups) + ir_panel_start(&panels, part % panels.count);
}

void ir_conv2d_pack_rows(
  const struct ir_conv2d_params *p, size_t first, size_t last, const float *weights, float *packed) {
  struct conv2d_plan plan = plan_of(p);
  const size_t taps = p->kernel_height * p->kernel_width, channels = plan.sliding.channels;
  if (ir_is_depthwise(p)) {
    for (size_t i = 0; i < (last - first) * taps; i++) packed[first * taps + i] = weights[i];
    return;
  }
  for (size_t group = 0; group < p->groups; group++)
    for (size_t panel = 0; panel < plan.panels.count; panel++) {
      size_t start = group * plan.rows + ir_panel_start(&plan.panels, panel);
      size_t height = ir_panel_rows(&plan.panels, panel);
      if (start < first || start >= last) continue;
      float *target = packed + start * ir_packed_depth(plan.depth, p->is_bfloat16);
      // Two numbers of each row at a time.
      float part[2 * MOST_ROWS];
      assert(height <= MOST_ROWS);
      for (size_t k = 0, count; k < plan.depth; k += count) {
        count = ir_smaller(2, plan.depth - k);
        for (size_t j = 0; j < count; j++)
          for (size_t i = 0; i < height; i++)
            part[j * height + i] =
              weights[((start - first + i) * channels + (k + j) % channels) * taps + (k + j) / channels];
        ir_write_panel(
          height, count, part, p->is_bfloat16, target + ir_packed_depth(k, p->is_bfloat16) * height);
      }
    }
}

size_t ir_conv2d_workspace(const struct ir_conv2d_params *p, int threads) {
  if (ir_is_depthwise(p)) return ir_depthwise_workspace(p, threads);
  const struct conv2d_plan plan = plan_of(p);
  const size_t own = (size_t)threads * ir_column_block_count(plan.depth);
  return (plan.packs_first ? packed_count(p, &plan) : own) * sizeof(float);
}

struct conv2d_context {
  const struct ir_conv2d_params *params;
  struct conv2d_plan plan;
  const float *input, *weights, *bias, *residual;
  float *output, *workspace;
};

// Some columns of an image's group; images and groups are numbered together: both lie one after the other in
// memory.
struct column_block {
  size_t image_group, first, count;
};

static struct column_block columns_of(const struct conv2d_plan *plan, size_t index) {
  const size_t first = index % plan->column_blocks * IR_COLUMN_BLOCK;
  return (struct column_block){
    index / plan->column_blocks, first, ir_smaller(IR_COLUMN_BLOCK, plan->columns - first)};
}

// Packs the block's depth of its columns.
static void pack_columns(
  const struct conv2d_context *c, const struct column_block *columns, const struct ir_gemm_block *block,
  float *packed) {
  const struct ir_sliding *s = &c->plan.sliding;
  const float *input = c->input + columns->image_group * s->channels * s->height * s->width;
  ir_pack_sliding_columns(s, input, block->start, block->depth, columns->first, columns->count, packed);
  ir_gemm_round_columns(block, packed);
}

static void pack_task(const void *context, size_t index, int thread) {
  (void)thread;
  const struct conv2d_context *c = context;
  const struct conv2d_plan *plan = &c->plan;
  const struct column_block columns = columns_of(plan, index / plan->depth_blocks);
  const size_t step = ir_depth_block(plan->depth), start = index % plan->depth_blocks * step;
  const struct ir_gemm_block block = {
    .columns = columns.count,
    .start = start,
    .depth = ir_smaller(step, plan->depth - start),
    .is_bfloat16 = c->params->is_bfloat16,
  };
  pack_columns(c, &columns, &block, c->workspace + index * packed_block_count(plan));
}

static void run_task(const void *context, size_t index, int thread) {
  const struct conv2d_context *c = context;
  const struct conv2d_plan *plan = &c->plan;
  const size_t part = index % plan->row_parts, place = index / plan->row_parts;
  const struct column_block columns = columns_of(plan, place);
  const size_t group = columns.image_group % c->params->groups;
  const size_t output = columns.image_group * plan->rows * plan->columns + columns.first;
  float *packed = plan->packs_first ? c->workspace + place * plan->depth_blocks * packed_block_count(plan)
                                    : c->workspace + (size_t)thread * ir_column_block_count(plan->depth);

  struct ir_gemm_block block = {
    .panels = plan->panels,
    .first_panel = plan->panels.count * part / plan->row_parts,
    .last_panel = plan->panels.count * (part + 1) / plan->row_parts,
    .columns = columns.count,
    .total_depth = plan->depth,
    .is_bfloat16 = c->params->is_bfloat16,
    .a = c->weights + group * plan->rows * ir_packed_depth(plan->depth, c->params->is_bfloat16),
    .residual = c->residual ? c->residual + output : NULL,
    .residual_stride = plan->columns,
    .c = c->output + output,
    .c_stride = plan->columns,
    .alpha = 1,
    .row_bias = c->bias ? c->bias + group * plan->rows : NULL,
    .activation = c->params->activation,
  };
  const size_t step = ir_depth_block(plan->depth);
  for (; block.start < plan->depth; block.start += block.depth) {
    block.depth = ir_smaller(step, plan->depth - block.start);
    block.b = packed;
    if (plan->packs_first) packed += packed_block_count(plan);
    else pack_columns(c, &columns, &block, packed);
    ir_gemm_block(&block);
  }
}

void ir_conv2d(
  const struct ir_conv2d_params *params, const float *input, const float *packed_weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  if (ir_is_depthwise(params)) {
    ir_depthwise(params, input, packed_weights, bias, residual, output, workspace, threads);
    return;
  }
  struct conv2d_context context = {
    params, plan_of(params), input, packed_weights, bias, residual, output, workspace,
  };
  const struct conv2d_plan *plan = &context.plan;
  assert(plan->depth > 0);
  if (!plan->rows) return;
  const size_t blocks = params->batch * params->groups * plan->column_blocks;
  if (plan->packs_first) ir_parallel_for(blocks * plan->depth_blocks, threads, pack_task, &context);
  ir_parallel_for(blocks * plan->row_parts, threads, run_task, &context);
}
