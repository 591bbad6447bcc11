#include "parallel.h"
#include "region_panels.h"

// Convolutions of several groups: the products of one after the other, each from its own channels.

// A part is a group.
static size_t pack_start(const struct ir_region_instruction *i, size_t part) {
  return ir_smaller(part, i->groups) * (i->channels / i->groups);
}

static void pack(
  const struct ir_region_instruction *i, size_t first, size_t last, const float *weights, float *packed) {
  const size_t outputs = i->channels / i->groups, row = i->depth * ir_region_taps(i);
  for (size_t start = first; start < last; start += outputs)
    ir_region_pack_panels(
      outputs, i->depth, ir_region_taps(i), weights + (start - first) * row, packed + start * row);
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const struct ir_region_window *window = &i->window;
  const struct ir_region_operand *residual = i->has_residual ? &i->operands[1] : NULL;
  const size_t outputs = i->channels / i->groups, size = outputs * i->depth * ir_region_taps(i);
  const ptrdiff_t x = (ptrdiff_t)rows->first_column;
  for (size_t y = rows->first; y < rows->last; y++) {
    struct ir_planar_product product = {
      .rows = outputs,
      .depth = i->depth,
      .columns = rows->last_column - rows->first_column,
      .kernel_height = window->kernel_height,
      .kernel_width = window->kernel_width,
      .dilation = window->dilation,
      .weights = rows->weights,
      .bias = window->bias,
      .activation = window->activation,
      .residual = residual ? ir_region_pixel(t, residual, 0, y, x) : NULL,
      .residual_stride = residual ? ir_region_channel_stride(t, residual) : 0,
      .output = ir_region_pixel(t, &i->output, 0, y, x),
      .output_stride = ir_region_channel_stride(t, &i->output),
      .prefetch = t->prefetch,
    };
    ir_region_window_rows(
      t, &i->operands[0], window, y, window->kernel_height, x, product.input, product.input_stride);
    for (size_t group = 0; group < i->groups; group++) {
      ir_kernels()->f32_planar_product(&product);
      product.weights += size;
      if (product.bias) product.bias += outputs;
      if (product.residual) product.residual += outputs * product.residual_stride;
      product.output += outputs * product.output_stride;
      for (size_t k = 0; k < window->kernel_height; k++)
        product.input[k] += i->depth * product.input_stride[k];
    }
  }
}

static size_t product_count(const struct ir_region_instruction *i, size_t columns) {
  return i->groups * ir_ceiling_divide(i->channels / i->groups, ir_kernels()->planar_rows) *
    ir_ceiling_divide(columns, ir_kernels()->planar_columns);
}

const struct ir_region_operation ir_region_grouped_convolution = {
  .run = run,
  .packed_count = ir_region_panels_count,
  .pack_start = pack_start,
  .pack = pack,
  .packing = IR_PACKING_PANELS,
  .product_count = product_count,
};
