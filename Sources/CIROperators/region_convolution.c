#include <assert.h>

#include "parallel.h"
#include "region_panels.h"

// Convolutions of one group as products of packed weights with the pixels where they lie.

static void pack(
  const struct ir_region_instruction *i, size_t first, size_t last, const float *weights, float *packed) {
  const size_t taps = ir_region_taps(i);
  ir_region_pack_panels(last - first, i->depth, taps, weights, packed + first * i->depth * taps);
}

// Weights of a convolution that stay in a core's cache beside the rows, in elements.
enum { RESIDENT_WEIGHTS = 32768 };

// Some rows of all channels: as many channels at a time as have their weights in the cache for all rows.
static void multiply(
  const struct ir_region_instruction *i, const float *weights, struct ir_planar_product *products,
  size_t count) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t depth = i->depth * products->kernel_height * products->kernel_width;
  const size_t group = IR_PLANAR_GROUPED_PANELS * kernels->planar_rows;
  // Long rows of few channels are written to a whole feature map faster than short ones of many.
  const size_t most = i->output.place == IR_REGION_OUTPUT &&
      products->columns > IR_PLANAR_LONG_ROW_TILES * kernels->planar_columns
    ? kernels->planar_rows
    : ir_larger(1, RESIDENT_WEIGHTS / (depth * group)) * group;
  for (size_t channel = 0, channels; channel < i->channels; channel += channels) {
    channels = ir_smaller(most, i->channels - channel);
    for (size_t y = 0; y < count; y++) {
      struct ir_planar_product *product = &products[y];
      product->rows = channels;
      product->weights = weights + channel * depth;
      product->bias = i->window.bias ? i->window.bias + channel : NULL;
      kernels->f32_planar_product(product);
      product->output += channels * product->output_stride;
      if (product->residual) product->residual += channels * product->residual_stride;
    }
  }
}

// The channels of a feature map's pixels lie far apart, in lines that conflict in the cache, and products
// read them many times.
static bool is_gathered(const struct ir_region_instruction *i) {
  return i->operands[0].place != IR_REGION_ROLLING && i->window.kernel_height == 1 &&
    i->window.kernel_width == 1;
}

static size_t scratch_count(const struct ir_region_instruction *i) {
  return is_gathered(i) ? i->depth * ir_kernels()->planar_columns : 0;
}

// A row, as many columns at a time as one tile has, each time from a copy of all their channels.
static void multiply_gathered(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const float *weights,
  const struct ir_planar_product *row) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t lanes = kernels->lanes, vectors = ir_ceiling_divide(row->columns, lanes);
  const size_t chunks = ir_ceiling_divide(vectors * lanes, kernels->planar_columns);
  for (size_t x = 0, left = chunks; left; left--) {
    struct ir_planar_product part = *row;
    part.columns = ir_smaller(ir_ceiling_divide(vectors - x / lanes, left) * lanes, row->columns - x);
    part.input[0] = t->scratch;
    part.input_stride[0] = ir_ceiling_divide(part.columns, lanes) * lanes;
    part.output += x;
    if (row->residual) part.residual += x;
    struct ir_elementwise_operands operands = {
      .a = row->input[0] + x,
      .a_stride = row->input_stride[0],
      .output = t->scratch,
      .output_stride = part.input_stride[0],
    };
    kernels->elementwise[IR_ELEMENTWISE_COPY](i->depth, part.columns, &operands);
    x += part.columns;
    multiply(i, weights, &part, 1);
  }
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const struct ir_region_operand *residual = i->has_residual ? &i->operands[1] : NULL;
  const struct ir_region_window *window = &i->window;
  const ptrdiff_t x = (ptrdiff_t)rows->first_column;
  struct ir_planar_product row = {
    .depth = i->depth,
    .columns = rows->last_column - rows->first_column,
    .kernel_height = window->kernel_height,
    .kernel_width = window->kernel_width,
    .dilation = window->dilation,
    .residual_stride = residual ? ir_region_channel_stride(t, residual) : 0,
    .activation = window->activation,
    .output_stride = ir_region_channel_stride(t, &i->output),
    .prefetch = t->prefetch,
  };
  const size_t count = rows->last - rows->first;
  struct ir_planar_product products[IR_REGION_MAX_STEP];
  assert(count <= IR_REGION_MAX_STEP);
  for (size_t y = 0; y < count; y++) {
    products[y] = row;
    ir_region_window_rows(
      t, &i->operands[0], window, rows->first + y, window->kernel_height, x, products[y].input,
      products[y].input_stride);
    products[y].residual = residual ? ir_region_pixel(t, residual, 0, rows->first + y, x) : NULL;
    products[y].output = ir_region_pixel(t, &i->output, 0, rows->first + y, x);
    if (is_gathered(i)) multiply_gathered(t, i, rows->weights, &products[y]);
  }
  if (!is_gathered(i)) multiply(i, rows->weights, products, count);
}

static size_t product_count(const struct ir_region_instruction *i, size_t columns) {
  return ir_ceiling_divide(i->channels, ir_kernels()->planar_rows) *
    ir_ceiling_divide(columns, ir_kernels()->planar_columns);
}

const struct ir_region_operation ir_region_convolution = {
  .run = run,
  .scratch_count = scratch_count,
  .packed_count = ir_region_panels_count,
  .pack_start = ir_region_panel_start,
  .pack = pack,
  .packing = IR_PACKING_PANELS,
  .product_count = product_count,
  .reads_depth = true,
};
