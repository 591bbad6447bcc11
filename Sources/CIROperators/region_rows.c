#include <assert.h>
#include <string.h>

#include "parallel.h"
#include "region.h"

// Channel `channel` of row y of an operand, at column x, which lies in the operand's tile.
static float *pixel(
  const struct ir_region_tile *t, const struct ir_region_operand *o, size_t channel, size_t y,
  ptrdiff_t x) {
  const struct ir_region *r = t->region;
  channel += o->channel;
  if (o->place == IR_REGION_ROLLING) {
    const struct ir_region_value *v = &r->values[o->index];
    ptrdiff_t column = x - (ptrdiff_t)t->first_column + (ptrdiff_t)v->margin_columns;
    return t->rolling[o->index] + channel * t->channel_strides[o->index] +
           y % v->rows * t->row_strides[o->index] + column;
  }
  // Inputs are only read.
  float *whole =
    o->place == IR_REGION_OUTPUT ? t->outputs[o->index] : (float *)t->inputs[o->index];
  return whole + ((t->image * o->channels + channel) * r->height + y) * r->width + x;
}

static size_t channel_stride(const struct ir_region_tile *t, const struct ir_region_operand *o) {
  return o->place == IR_REGION_ROLLING ? t->channel_strides[o->index]
                                       : t->region->height * t->region->width;
}

// Rows of a window, channel 0: a row outside the picture is a row of zeros, the same for every channel.
static void window_rows(
  const struct ir_region_tile *t, const struct ir_region_operand *operand,
  const struct ir_region_window *window, size_t y, size_t count, ptrdiff_t x, const float **rows,
  size_t *strides) {
  const size_t stride = channel_stride(t, operand), top = window->pad_top;
  for (size_t k = 0; k < count; k++) {
    size_t padded = y + k * window->dilation;
    bool is_inside = padded >= top && padded - top < t->region->height;
    rows[k] = is_inside ? pixel(t, operand, 0, padded - top, x - (ptrdiff_t)window->pad_left)
                        : t->zeros;
    strides[k] = is_inside ? stride : 0;
  }
}

static void copy(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  const size_t columns = rows->last_column - rows->first_column;
  const size_t from = channel_stride(t, &i->operands[0]), to = channel_stride(t, &i->output);
  for (size_t y = rows->first; y < rows->last; y++) {
    const float *source = pixel(t, &i->operands[0], 0, y, (ptrdiff_t)rows->first_column);
    float *target = pixel(t, &i->output, 0, y, (ptrdiff_t)rows->first_column);
    for (size_t c = 0; c < i->channels; c++) {
      struct ir_elementwise_operands operands = {.a = source + c * from, .output = target + c * to};
      ir_kernels()->elementwise[IR_ELEMENTWISE_COPY](columns, &operands);
    }
  }
}

static void convolution(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const float *weights,
  const struct ir_region_rows *rows) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const struct ir_region_operand *residual = i->has_residual ? &i->operands[1] : NULL;
  const struct ir_region_window *window = &i->window;
  const ptrdiff_t x = (ptrdiff_t)rows->first_column;
  struct ir_planar_product row = {
    .depth = i->depth, .columns = rows->last_column - rows->first_column,
    .kernel_height = window->kernel_height, .kernel_width = window->kernel_width,
    .dilation = window->dilation,
    .residual_stride = residual ? channel_stride(t, residual) : 0,
    .activation = window->activation,
    .output_stride = channel_stride(t, &i->output),
  };
  const size_t count = rows->last - rows->first;
  const size_t panel =
    kernels->planar_rows * i->depth * window->kernel_height * window->kernel_width;
  struct ir_planar_product products[IR_REGION_MAX_STEP];
  assert(count <= IR_REGION_MAX_STEP);
  for (size_t y = 0; y < count; y++) {
    products[y] = row;
    window_rows(
      t, &i->operands[0], window, rows->first + y, window->kernel_height, x, products[y].input,
      products[y].input_stride);
    products[y].residual = residual ? pixel(t, residual, 0, rows->first + y, x) : NULL;
    products[y].output = pixel(t, &i->output, 0, rows->first + y, x);
  }
  // A panel of weights stays in the cache for all rows.
  for (size_t channel = 0; channel < i->channels; channel += kernels->planar_rows) {
    for (size_t y = 0; y < count; y++) {
      struct ir_planar_product *product = &products[y];
      product->rows = ir_smaller(kernels->planar_rows, i->channels - channel);
      product->weights = weights;
      product->bias = window->bias ? window->bias + channel : NULL;
      kernels->f32_planar_product(product);
      product->output += product->rows * row.output_stride;
      if (residual) product->residual += product->rows * row.residual_stride;
    }
    weights += panel;
  }
}

// A depthwise convolution for one or two rows, advanced channel by channel.
struct depthwise_rows {
  struct ir_planar_depthwise call;
  size_t taps, row_count, strides[IR_PLANAR_MAX_KERNEL + 1];
  const float *bias;
  bool is_rolling;
};

// How many rows a call can do.
static size_t rows_at_once(const struct ir_region_window *w) {
  bool is_3x3 = w->kernel_height == 3 && w->kernel_width == 3 && w->dilation == 1;
  return is_3x3 ? IR_REGION_WINDOW_ROWS : 1;
}

static void start_depthwise(
  const struct ir_region_tile *t, const struct ir_region_operand *operand,
  const struct ir_region_window *w, size_t y, size_t count, const struct ir_region_rows *rows,
  struct depthwise_rows *d) {
  d->taps = w->kernel_height * w->kernel_width;
  d->row_count = w->kernel_height + count - 1;
  d->bias = w->bias;
  d->is_rolling = operand->place == IR_REGION_ROLLING;
  d->call = (struct ir_planar_depthwise){
    .columns = rows->last_column - rows->first_column, .count = count,
    .kernel_height = w->kernel_height, .kernel_width = w->kernel_width, .dilation = w->dilation,
    .weights = w->weights, .activation = w->activation,
  };
  const ptrdiff_t x = (ptrdiff_t)rows->first_column, start = x - (ptrdiff_t)w->pad_left;
  window_rows(t, operand, w, y, d->row_count, x, d->call.input, d->strides);
  // Rolling rows hold zeros around the picture; whole pictures end there.
  d->call.first_column = !d->is_rolling && start < 0 ? (size_t)-start : 0;
  d->call.last_column =
    d->is_rolling ? SIZE_MAX : (size_t)((ptrdiff_t)t->region->width - start);
}

static void run_depthwise(struct depthwise_rows *d) {
  // The next channel is far away in a whole picture: the hardware does not see it coming. All but the
  // last rows have been asked for with the rows before.
  if (!d->is_rolling)
    for (size_t k = d->row_count - d->call.count; k < d->row_count; k++)
      for (size_t x = 0; x < d->call.columns; x += 16)
        __builtin_prefetch(d->call.input[k] + d->strides[k] + x);
  d->call.bias = d->bias ? *d->bias++ : 0;
  ir_kernels()->f32_planar_depthwise(&d->call);
  d->call.weights += d->taps;
  for (size_t k = 0; k < d->row_count; k++) d->call.input[k] += d->strides[k];
}

static void depthwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  const size_t stride = channel_stride(t, &i->output);
  struct depthwise_rows calls[IR_REGION_MAX_STEP];
  size_t call_count = 0;
  for (size_t y = rows->first, count; y < rows->last; y += count) {
    struct depthwise_rows *d = &calls[call_count++];
    count = ir_smaller(rows_at_once(&i->window), rows->last - y);
    start_depthwise(t, &i->operands[0], &i->window, y, count, rows, d);
    for (size_t k = 0; k < count; k++)
      d->call.output[k] = pixel(t, &i->output, 0, y + k, (ptrdiff_t)rows->first_column);
  }
  for (size_t channel = 0; channel < i->channels; channel++)
    for (size_t c = 0; c < call_count; c++) {
      run_depthwise(&calls[c]);
      for (size_t k = 0; k < calls[c].call.count; k++) calls[c].call.output[k] += stride;
    }
}

static void normalize(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  struct ir_planar_normalize n = {
    .channels = i->channels, .columns = rows->last_column - rows->first_column,
    .is_centred = i->is_centred, .epsilon = i->epsilon, .scale = i->scale, .bias = i->bias,
    .input_stride = channel_stride(t, &i->operands[0]),
    .output_stride = channel_stride(t, &i->output),
  };
  for (size_t y = rows->first; y < rows->last; y++) {
    n.input = pixel(t, &i->operands[0], 0, y, (ptrdiff_t)rows->first_column);
    n.output = pixel(t, &i->output, 0, y, (ptrdiff_t)rows->first_column);
    ir_kernels()->f32_planar_normalize(&n);
  }
}

static bool is_picture(const struct ir_region_operand *o) { return o->place <= IR_REGION_OUTPUT; }

// The number that a channel's operand stands for.
static float number(
  const struct ir_region_tile *t, const struct ir_region_operand *o, size_t channel) {
  const float *numbers = t->inputs[o->index];
  switch (o->place) {
    case IR_REGION_SCALAR: return numbers[0];
    case IR_REGION_CHANNELS: return numbers[o->channel + channel];
    default: return numbers[t->image * o->channels + o->channel + channel];
  }
}

static bool has_window(const struct ir_region_instruction *i, size_t operand) {
  return i->windows && i->windows[operand].kernel_height;
}

// One or two rows of an elementwise result: where their operands are, channel by channel.
struct elementwise_rows {
  size_t count;
  float *registers[IR_REGION_WINDOW_ROWS][IR_ELEMENTWISE_MAX_REGISTERS];
  struct depthwise_rows windows[IR_REGION_MAX_OPERANDS];
};

static void start_elementwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, size_t y, size_t count,
  const struct ir_region_rows *rows, struct elementwise_rows *e) {
  const ptrdiff_t x = (ptrdiff_t)rows->first_column;
  const size_t result = i->operand_count + i->program_count - 1;
  e->count = count;
  for (size_t k = 0; k < count; k++) {
    for (size_t r = 0; r < result; r++)
      e->registers[k][r] = t->registers + (r * IR_REGION_WINDOW_ROWS + k) * t->register_stride;
    for (size_t o = 0; o < i->operand_count; o++)
      if (is_picture(&i->operands[o]) && !has_window(i, o))
        e->registers[k][o] = pixel(t, &i->operands[o], 0, y + k, x);
    e->registers[k][result] = pixel(t, &i->output, 0, y + k, x);
  }
  for (size_t o = 0; o < i->operand_count; o++) {
    if (!has_window(i, o)) continue;
    start_depthwise(t, &i->operands[o], &i->windows[o], y, count, rows, &e->windows[o]);
    for (size_t k = 0; k < count; k++) e->windows[o].call.output[k] = e->registers[k][o];
  }
}

static void run_program(
  const struct ir_region_instruction *i, float *const *registers, size_t columns) {
  for (size_t p = 0; p < i->program_count; p++) {
    const struct ir_elementwise_instruction *e = &i->program[p];
    struct ir_elementwise_operands operands = {
      .a = registers[e->a], .b = registers[e->b], .c = registers[e->c],
      .output = registers[e->destination], .p = e->p, .q = e->q,
    };
    ir_kernels()->elementwise[e->opcode](columns, &operands);
  }
}

static void elementwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  const size_t columns = rows->last_column - rows->first_column;
  const size_t result = i->operand_count + i->program_count - 1;
  size_t strides[IR_REGION_MAX_OPERANDS] = {0}, most = IR_REGION_WINDOW_ROWS;
  for (size_t o = 0; o < i->operand_count; o++) {
    if (has_window(i, o)) most = ir_smaller(most, rows_at_once(&i->windows[o]));
    else if (is_picture(&i->operands[o])) strides[o] = channel_stride(t, &i->operands[o]);
  }
  struct elementwise_rows parts[IR_REGION_MAX_STEP];
  size_t part_count = 0;
  for (size_t y = rows->first, count; y < rows->last; y += count) {
    count = ir_smaller(most, rows->last - y);
    start_elementwise(t, i, y, count, rows, &parts[part_count++]);
  }
  // Rows of a channel lie together: they are done before the next channel's.
  const size_t output_stride = channel_stride(t, &i->output);
  for (size_t channel = 0; channel < i->channels; channel++) {
    for (size_t o = 0; o < i->operand_count; o++) {
      if (is_picture(&i->operands[o])) continue;
      const float value = number(t, &i->operands[o], channel);
      for (size_t k = 0; k < parts[0].count; k++)
        for (size_t j = 0; j < columns; j++) parts[0].registers[k][o][j] = value;
    }
    for (size_t p = 0; p < part_count; p++) {
      struct elementwise_rows *e = &parts[p];
      for (size_t o = 0; o < i->operand_count; o++)
        if (has_window(i, o)) run_depthwise(&e->windows[o]);
      for (size_t k = 0; k < e->count; k++) {
        run_program(i, e->registers[k], columns);
        for (size_t o = 0; o < i->operand_count; o++) e->registers[k][o] += strides[o];
        e->registers[k][result] += output_stride;
      }
    }
  }
}

void ir_region_run(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, size_t index,
  const struct ir_region_rows *rows) {
  switch (instruction->opcode) {
    case IR_REGION_COPY: copy(tile, instruction, rows); break;
    case IR_REGION_CONVOLUTION:
      convolution(tile, instruction, tile->packed[index], rows);
      break;
    case IR_REGION_DEPTHWISE: depthwise(tile, instruction, rows); break;
    case IR_REGION_NORMALIZE: normalize(tile, instruction, rows); break;
    case IR_REGION_ELEMENTWISE: elementwise(tile, instruction, rows); break;
  }
}
