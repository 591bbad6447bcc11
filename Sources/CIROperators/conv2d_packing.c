#include "conv2d_packing.h"

#include "gemm_block.h"
#include "packing.h"
#include "parallel.h"

void ir_conv2d_pack_weights(const struct ir_conv2d_params *p, const float *weights, float *packed) {
  ir_conv2d_pack_rows(p, 0, p->output_channels, weights, packed);
}

void ir_conv2d_winograd_pack_weights(const struct ir_conv2d_params *p, const float *weights, float *packed) {
  ir_conv2d_winograd_pack_rows(p, 0, p->output_channels, weights, packed);
}

size_t ir_conv2d_winograd_pack_start(const struct ir_conv2d_params *p, size_t part) {
  const struct ir_panels panels = ir_panels_of(p->output_channels);
  return part < panels.count ? ir_panel_start(&panels, part) : p->output_channels;
}

static size_t start(const void *params, size_t part) { return ir_conv2d_pack_start(params, part); }
static size_t winograd_start(const void *params, size_t part) {
  return ir_conv2d_winograd_pack_start(params, part);
}
static void pack(const void *params, size_t first, size_t last, const float *weights, float *packed) {
  ir_conv2d_pack_rows(params, first, last, weights, packed);
}
static void winograd_pack(
  const void *params, size_t first, size_t last, const float *weights, float *packed) {
  ir_conv2d_winograd_pack_rows(params, first, last, weights, packed);
}

static struct ir_pack_plan plan_of(const struct ir_conv2d_params *p, bool is_winograd, struct ir_weights w) {
  return (struct ir_pack_plan){
    .weights = w,
    .rows = p->output_channels,
    .row_count = p->input_channels / p->groups * p->kernel_height * p->kernel_width,
    .start = is_winograd ? winograd_start : start,
    .pack = is_winograd ? winograd_pack : pack,
    .what = p,
  };
}

size_t ir_conv2d_packing_workspace(
  const struct ir_conv2d_params *p, bool is_winograd, bool is_half, int threads) {
  const struct ir_pack_plan plan = plan_of(p, is_winograd, (struct ir_weights){.is_half = is_half});
  return ir_pack_scratch_count(&plan, threads) * sizeof(float);
}

void ir_conv2d_pack(
  const struct ir_conv2d_params *p, bool is_winograd, struct ir_weights weights, float *packed,
  void *workspace, int threads) {
  struct ir_pack_plan plan = plan_of(p, is_winograd, weights);
  plan.packed = packed;
  plan.scratch = workspace;
  ir_pack(&plan, threads);
}
