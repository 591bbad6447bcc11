#include <assert.h>

#include "conv2d_packing.h"
#include "parallel.h"
#include "region.h"
#include "winograd_panel.h"

// Winograd's convolutions of the rows of a step. Rows and columns begin with a tile of the feature map, and
// rolling rows are a whole number of tiles, so that a tile's rows follow each other.

static bool is_bfloat16(const struct ir_region_instruction *i) {
  return i->opcode == IR_REGION_PAIRS_WINOGRAD;
}

static size_t scratch_count(const struct ir_region_instruction *i) {
  return ir_winograd_scratch_count(i->depth, i->channels, is_bfloat16(i));
}

static struct ir_conv2d_params params_of(const struct ir_region_instruction *i) {
  return (struct ir_conv2d_params){
    .input_channels = i->depth, .output_channels = i->channels, .is_bfloat16 = is_bfloat16(i)};
}

static size_t packed_count(const struct ir_region_instruction *i) {
  const struct ir_conv2d_params params = params_of(i);
  return ir_conv2d_winograd_packed_weights_count(&params);
}

static size_t pack_start(const struct ir_region_instruction *i, size_t part) {
  const struct ir_conv2d_params params = params_of(i);
  return ir_conv2d_winograd_pack_start(&params, part);
}

static void pack(
  const struct ir_region_instruction *i, size_t first, size_t last, const float *weights, float *packed) {
  const struct ir_conv2d_params params = params_of(i);
  ir_conv2d_winograd_pack_rows(&params, first, last, weights, packed);
}

// The first channel of an operand, from which offsets count.
static float *plane_of(const struct ir_region_tile *t, const struct ir_region_operand *o) {
  if (o->place == IR_REGION_ROLLING) return t->rolling[o->index] + o->channel * t->channel_strides[o->index];
  return ir_region_pixel(t, o, 0, 0, 0);
}

static size_t row_stride_of(const struct ir_region_tile *t, const struct ir_region_operand *o) {
  return o->place == IR_REGION_ROLLING ? t->row_strides[o->index] : t->region->width;
}

static ptrdiff_t offset_of(
  const struct ir_region_tile *t, const struct ir_region_operand *o, size_t y, ptrdiff_t x) {
  return ir_region_pixel(t, o, 0, y, x) - plane_of(t, o);
}

static struct ir_winograd_strip strip_at(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows,
  size_t y, size_t x) {
  const struct ir_region *r = t->region;
  const struct ir_region_operand *input = &i->operands[0];
  const ptrdiff_t top = (ptrdiff_t)y - (ptrdiff_t)i->window.pad_top;
  const ptrdiff_t left = (ptrdiff_t)x - (ptrdiff_t)i->window.pad_left;
  struct ir_winograd_strip strip = {
    .output_offset = (size_t)offset_of(t, &i->output, y, (ptrdiff_t)x),
    .output_rows = ir_smaller(IR_WINOGRAD_TILE, rows->last - y),
    .output_columns = ir_smaller(ir_kernels()->lanes, rows->last_column - x),
  };
  if (i->has_residual) strip.residual_offset = (size_t)offset_of(t, &i->operands[1], y, (ptrdiff_t)x);
  ir_winograd_clip(&strip, top, left, r->height, r->width);
  for (size_t k = strip.first_row; k < strip.last_row; k++)
    strip.input_rows[k] = offset_of(t, input, (size_t)(top + (ptrdiff_t)k), left);
  return strip;
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const size_t most = IR_WINOGRAD_STRIPS * ir_winograd_vectors();
  assert(rows->first % IR_WINOGRAD_TILE == 0 && rows->first_column % IR_WINOGRAD_TILE == 0);
  assert(rows->last % IR_WINOGRAD_TILE == 0 || rows->last == t->region->height);
  const struct ir_region_operand *residual = i->has_residual ? &i->operands[1] : NULL;
  struct ir_winograd_strip strips[IR_WINOGRAD_MAX_STRIPS];
  struct ir_winograd_panel panel = {
    .rows = ir_panels_of(i->channels),
    .depth = i->depth,
    .is_bfloat16 = is_bfloat16(i),
    .strips = strips,
    .input = plane_of(t, &i->operands[0]),
    .input_plane_stride = ir_region_channel_stride(t, &i->operands[0]),
    .weights = rows->weights,
    .scratch = t->scratch,
    .output =
      {
        .bias = i->window.bias,
        .residual = residual ? plane_of(t, residual) : NULL,
        .residual_plane_stride = residual ? ir_region_channel_stride(t, residual) : 0,
        .residual_row_stride = residual ? row_stride_of(t, residual) : 0,
        .activation = i->window.activation,
        .slope = i->window.slope,
        .output = plane_of(t, &i->output),
        .plane_stride = ir_region_channel_stride(t, &i->output),
        .row_stride = row_stride_of(t, &i->output),
      },
  };
  panel.last_panel = panel.rows.count;
  size_t count = 0;
  for (size_t y = rows->first; y < rows->last; y += IR_WINOGRAD_TILE)
    for (size_t x = rows->first_column; x < rows->last_column; x += ir_kernels()->lanes) {
      strips[count++] = strip_at(t, i, rows, y, x);
      if (count < most) continue;
      ir_winograd_run(&panel);
      count = 0;
    }
  if (!count) return;
  // Strips that only fill the panel have no results.
  for (; count < most; count++) strips[count] = (struct ir_winograd_strip){0};
  ir_winograd_run(&panel);
}

const struct ir_region_operation ir_region_winograd = {
  .run = run,
  .scratch_count = scratch_count,
  .packed_count = packed_count,
  .pack_start = pack_start,
  .pack = pack,
  .packing = IR_PACKING_WINOGRAD,
};

const struct ir_region_operation ir_region_pairs_winograd = {
  .run = run,
  .scratch_count = scratch_count,
  .packed_count = packed_count,
  .pack_start = pack_start,
  .pack = pack,
  .packing = IR_PACKING_WINOGRAD_PAIRS,
};
