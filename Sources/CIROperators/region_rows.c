#include <assert.h>
#include <string.h>

#include "parallel.h"
#include "region.h"

float *ir_region_pixel(
  const struct ir_region_tile *t, const struct ir_region_operand *o, size_t channel, size_t y,
  ptrdiff_t x) {
  const struct ir_region *r = t->region;
  channel += o->channel;
  if (o->place == IR_REGION_ROLLING) {
    const size_t row = y % r->values[o->index].rows;
    return t->rolling[o->index] + channel * t->channel_strides[o->index] + row * t->row_strides[o->index] +
           (x - (ptrdiff_t)t->origins[o->index]);
  }
  // Inputs are only read.
  float *whole =
    o->place == IR_REGION_OUTPUT ? t->outputs[o->index] : (float *)t->inputs[o->index];
  return whole + ((t->image * o->channels + channel) * r->height + y) * r->width + x;
}

size_t ir_region_channel_stride(const struct ir_region_tile *t, const struct ir_region_operand *o) {
  return o->place == IR_REGION_ROLLING ? t->channel_strides[o->index]
                                       : t->region->height * t->region->width;
}

void ir_region_window_rows(
  const struct ir_region_tile *t, const struct ir_region_operand *operand,
  const struct ir_region_window *window, size_t y, size_t count, ptrdiff_t x, const float **rows,
  size_t *strides) {
  const size_t stride = ir_region_channel_stride(t, operand), top = window->pad_top;
  for (size_t k = 0; k < count; k++) {
    size_t padded = y + k * window->dilation;
    bool is_inside = padded >= top && padded - top < t->region->height;
    rows[k] = is_inside ? ir_region_pixel(t, operand, 0, padded - top, x - (ptrdiff_t)window->pad_left)
                        : t->zeros;
    strides[k] = is_inside ? stride : 0;
  }
}

// Weights of a convolution that stay in a core's cache beside the rows, in elements.
enum { RESIDENT_WEIGHTS = 32768 };

// Some rows of all channels: as many channels at a time as have their weights in the cache for all rows.
static void multiply(
  const struct ir_region_instruction *i, const float *weights, struct ir_planar_product *products, size_t count) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t depth = i->depth * products->kernel_height * products->kernel_width;
  const size_t group = IR_PLANAR_GROUPED_PANELS * kernels->planar_rows;
  // Long rows of few channels are written to a whole picture faster than short ones of many.
  const size_t most = i->output.place == IR_REGION_OUTPUT && products->columns > 6 * kernels->planar_columns
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

// The channels of a picture's pixels lie far apart, in lines that take each other's places in the cache, and products
// read them many times.
static bool is_gathered(const struct ir_region_instruction *i) {
  return i->opcode == IR_REGION_CONVOLUTION && i->operands[0].place != IR_REGION_ROLLING &&
         i->window.kernel_height == 1 && i->window.kernel_width == 1;
}

size_t ir_region_gather_scratch(const struct ir_region *r) {
  size_t deepest = 0;
  for (size_t i = 0; i < r->instruction_count; i++)
    if (is_gathered(&r->instructions[i])) deepest = ir_larger(deepest, r->instructions[i].depth);
  return deepest * ir_kernels()->planar_columns;
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
      .a = row->input[0] + x, .a_stride = row->input_stride[0],
      .output = t->scratch, .output_stride = part.input_stride[0],
    };
    kernels->elementwise[IR_ELEMENTWISE_COPY](i->depth, part.columns, &operands);
    x += part.columns;
    multiply(i, weights, &part, 1);
  }
}

static void convolution(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const float *weights,
  const struct ir_region_rows *rows) {
  const struct ir_region_operand *residual = i->has_residual ? &i->operands[1] : NULL;
  const struct ir_region_window *window = &i->window;
  const ptrdiff_t x = (ptrdiff_t)rows->first_column;
  struct ir_planar_product row = {
    .depth = i->depth, .columns = rows->last_column - rows->first_column,
    .kernel_height = window->kernel_height, .kernel_width = window->kernel_width,
    .dilation = window->dilation,
    .residual_stride = residual ? ir_region_channel_stride(t, residual) : 0,
    .activation = window->activation,
    .output_stride = ir_region_channel_stride(t, &i->output), .prefetch = t->prefetch,
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
    if (is_gathered(i)) multiply_gathered(t, i, weights, &products[y]);
  }
  if (!is_gathered(i)) multiply(i, weights, products, count);
}

static void normalize(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  struct ir_planar_normalize n = {
    .channels = i->channels, .columns = rows->last_column - rows->first_column,
    .is_centred = i->is_centred, .epsilon = i->epsilon, .scale = i->scale, .bias = i->bias,
    .input_stride = ir_region_channel_stride(t, &i->operands[0]),
    .is_far = i->operands[0].place != IR_REGION_ROLLING,
    .output_stride = ir_region_channel_stride(t, &i->output),
  };
  for (size_t y = rows->first; y < rows->last; y++) {
    n.input = ir_region_pixel(t, &i->operands[0], 0, y, (ptrdiff_t)rows->first_column);
    n.output = ir_region_pixel(t, &i->output, 0, y, (ptrdiff_t)rows->first_column);
    ir_kernels()->f32_planar_normalize(&n);
  }
}

void ir_region_run(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, size_t index,
  const struct ir_region_rows *rows) {
  switch (instruction->opcode) {
    case IR_REGION_COPY: ir_region_copy(tile, instruction, rows); break;
    case IR_REGION_SPACE_TO_DEPTH: ir_region_space_to_depth(tile, instruction, rows); break;
    case IR_REGION_DEPTH_TO_SPACE: ir_region_depth_to_space(tile, instruction, rows); break;
    case IR_REGION_CONVOLUTION:
      convolution(tile, instruction, tile->packed[index], rows);
      break;
    case IR_REGION_WINOGRAD: ir_region_winograd(tile, instruction, tile->packed[index], rows); break;
    case IR_REGION_DEPTHWISE: ir_region_depthwise(tile, instruction, rows); break;
    case IR_REGION_NORMALIZE: normalize(tile, instruction, rows); break;
    case IR_REGION_SUM: ir_region_sum(tile, instruction, index, rows); break;
    case IR_REGION_GRAM: ir_region_gram(tile, instruction, index, rows); break;
    case IR_REGION_ELEMENTWISE: ir_region_elementwise(tile, instruction, rows); break;
    case IR_REGION_COUNT: break;
  }
}
