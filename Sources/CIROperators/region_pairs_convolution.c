#include <assert.h>

#include "parallel.h"
#include "region_panels.h"

// Pointwise convolutions as products of pairs of bfloat16: some columns of all channels are rounded into
// scratch, and multiplied with all weights there.

static size_t pairs_of(const struct ir_region_instruction *i) { return ir_ceiling_divide(i->depth, 2); }

static size_t packed_count(const struct ir_region_instruction *i) {
  return ir_aligned_count(i->channels * pairs_of(i));
}

static size_t scratch_count(const struct ir_region_instruction *i) {
  return pairs_of(i) * ir_kernels()->pairs_columns;
}

// Of a panel's channels, of all instruction sets, and of the input channels that are packed at a time.
enum { MOST_ROWS = 8, PACKED_DEPTH = 64 };

// Panels of channels: pair after pair, the weights of a panel's channels side by side.
static void pack(
  const struct ir_region_instruction *i, size_t first, size_t last, const float *weights, float *packed) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t pairs = pairs_of(i);
  assert(kernels->planar_rows <= MOST_ROWS);
  for (size_t start = first; start < last; start += kernels->planar_rows) {
    const size_t rows = ir_smaller(kernels->planar_rows, last - start);
    const float *source = weights + (start - first) * i->depth;
    float *panel = packed + start * pairs;
    for (size_t k = 0; k < i->depth; k += PACKED_DEPTH) {
      const size_t depth = ir_smaller(PACKED_DEPTH, i->depth - k);
      float columns[PACKED_DEPTH * MOST_ROWS];
      kernels->f32_transpose(depth, rows, source + k, i->depth, columns, rows);
      kernels->bf16_pair_rows(depth, rows, columns, panel + k / 2 * rows);
    }
  }
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const struct ir_region_operand *residual = i->has_residual ? &i->operands[1] : NULL;
  const size_t lanes = kernels->lanes, columns = rows->last_column - rows->first_column;
  const size_t vectors = ir_ceiling_divide(columns, lanes);
  const size_t chunks = ir_ceiling_divide(vectors * lanes, kernels->pairs_columns);
  const size_t input_stride = ir_region_channel_stride(t, &i->operands[0]);
  struct ir_planar_pairs_product product = {
    .rows = i->channels,
    .pairs = pairs_of(i),
    .weights = rows->weights,
    .input = t->scratch,
    .residual_stride = residual ? ir_region_channel_stride(t, residual) : 0,
    .bias = i->window.bias,
    .activation = i->window.activation,
    .output_stride = ir_region_channel_stride(t, &i->output),
    .prefetch = t->prefetch,
  };
  for (size_t y = rows->first; y < rows->last; y++) {
    const ptrdiff_t first = (ptrdiff_t)rows->first_column;
    const float *input = ir_region_pixel(t, &i->operands[0], 0, y, first);
    const float *addend = residual ? ir_region_pixel(t, residual, 0, y, first) : NULL;
    float *output = ir_region_pixel(t, &i->output, 0, y, first);
    for (size_t x = 0, left = chunks; left; left--) {
      product.columns = ir_smaller(ir_ceiling_divide(vectors - x / lanes, left) * lanes, columns - x);
      product.input_stride = ir_ceiling_divide(product.columns, lanes) * lanes;
      kernels->bf16_pairs(
        i->depth, product.columns, input + x, input_stride, t->scratch, product.input_stride);
      product.residual = addend ? addend + x : NULL;
      product.output = output + x;
      kernels->bf16_planar_product(&product);
      x += product.columns;
    }
  }
}

static size_t product_count(const struct ir_region_instruction *i, size_t columns) {
  return ir_ceiling_divide(i->channels, ir_kernels()->planar_rows) *
    ir_ceiling_divide(columns, ir_kernels()->pairs_columns);
}

const struct ir_region_operation ir_region_pairs_convolution = {
  .run = run,
  .scratch_count = scratch_count,
  .packed_count = packed_count,
  .pack_start = ir_region_panel_start,
  .pack = pack,
  .packing = IR_PACKING_PAIRS,
  .product_count = product_count,
  .reads_depth = true,
};
