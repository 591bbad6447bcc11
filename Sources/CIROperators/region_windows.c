#include "parallel.h"
#include "region.h"

// A depthwise convolution for a few rows, advanced by some channels at a time.
struct depthwise_rows {
  struct ir_planar_depthwise call;
  size_t taps, row_count;
};

// How many rows a call can do.
static size_t rows_at_once(const struct ir_region_window *w) {
  bool is_3x3 = w->kernel_height == 3 && w->kernel_width == 3 && w->dilation == 1;
  return is_3x3 ? IR_PLANAR_DEPTHWISE_ROWS : 1;
}

static void start_depthwise(
  const struct ir_region_tile *t, const struct ir_region_operand *operand,
  const struct ir_region_window *w, size_t y, size_t count, const struct ir_region_rows *rows,
  struct depthwise_rows *d) {
  d->taps = w->kernel_height * w->kernel_width;
  d->row_count = w->kernel_height + count - 1;
  const bool is_rolling = operand->place == IR_REGION_ROLLING;
  const ptrdiff_t x = (ptrdiff_t)rows->first_column, start = x - (ptrdiff_t)w->pad_left;
  d->call = (struct ir_planar_depthwise){
    .columns = rows->last_column - rows->first_column, .count = count,
    .kernel_height = w->kernel_height, .kernel_width = w->kernel_width, .dilation = w->dilation,
    .weights = w->weights, .bias = w->bias, .activation = w->activation,
    // Rolling rows hold zeros around the picture; whole pictures end there.
    .first_column = !is_rolling && start < 0 ? (size_t)-start : 0,
    .last_column = is_rolling ? SIZE_MAX : (size_t)((ptrdiff_t)t->region->width - start),
    // All but the last rows of a picture have been asked for with the rows before.
    .prefetched_rows = is_rolling ? 0 : count,
  };
  ir_region_window_rows(t, operand, w, y, d->row_count, x, d->call.input, d->call.input_stride);
}

static void run_depthwise(struct depthwise_rows *d, size_t channels) {
  d->call.channels = channels;
  ir_kernels()->f32_planar_depthwise(&d->call);
  d->call.weights += channels * d->taps;
  if (d->call.bias) d->call.bias += channels;
  for (size_t k = 0; k < d->row_count; k++) d->call.input[k] += channels * d->call.input_stride[k];
}

// Channels whose windows are done row by row while their rows are near.
enum { WINDOW_CHANNELS = 4 };

void ir_region_depthwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  struct depthwise_rows calls[IR_REGION_MAX_STEP];
  size_t call_count = 0;
  for (size_t y = rows->first, count; y < rows->last; y += count) {
    struct depthwise_rows *d = &calls[call_count++];
    count = ir_smaller(rows_at_once(&i->window), rows->last - y);
    start_depthwise(t, &i->operands[0], &i->window, y, count, rows, d);
    d->call.output_stride = ir_region_channel_stride(t, &i->output);
    for (size_t k = 0; k < count; k++)
      d->call.output[k] = ir_region_pixel(t, &i->output, 0, y + k, (ptrdiff_t)rows->first_column);
  }
  const size_t most = call_count > 1 ? WINDOW_CHANNELS : i->channels;
  for (size_t channel = 0, channels; channel < i->channels; channel += channels) {
    channels = ir_smaller(most, i->channels - channel);
    for (size_t c = 0; c < call_count; c++) {
      struct ir_planar_depthwise *call = &calls[c].call;
      run_depthwise(&calls[c], channels);
      for (size_t k = 0; k < call->count; k++) call->output[k] += channels * call->output_stride;
    }
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

// Whether the program reads an operand where it is: it has no register.
static bool is_read(const struct ir_region_instruction *i, size_t operand) {
  return is_picture(&i->operands[operand]) && !has_window(i, operand);
}

enum { REGISTER_ELEMENTS = 1024 };

size_t ir_region_register_rows(size_t register_stride) {
  return ir_larger(REGISTER_ELEMENTS / register_stride, IR_PLANAR_DEPTHWISE_ROWS);
}

// A few rows of an elementwise result: where their operands are, some channels at a time. The thread's registers
// hold the rows of these channels one behind the other.
struct elementwise_rows {
  size_t count;
  float *registers[IR_PLANAR_DEPTHWISE_ROWS][IR_ELEMENTWISE_MAX_REGISTERS];
  // From channel to channel: of the rows of a register, and of those among them that hold the next call's channels.
  size_t steps[IR_ELEMENTWISE_MAX_REGISTERS], call_steps[IR_ELEMENTWISE_MAX_REGISTERS];
  struct depthwise_rows windows[IR_REGION_MAX_OPERANDS];
};

static void start_elementwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, size_t y, size_t count,
  const struct ir_region_rows *rows, struct elementwise_rows *e) {
  const ptrdiff_t x = (ptrdiff_t)rows->first_column;
  const size_t result = i->operand_count + i->program_count - 1;
  const size_t register_size = ir_region_register_rows(t->register_stride) * t->register_stride;
  e->count = count;
  for (size_t r = 0; r <= result; r++) {
    const struct ir_region_operand *picture = r == result                               ? &i->output
                                              : r < i->operand_count && is_read(i, r) ? &i->operands[r]
                                                                                      : NULL;
    e->call_steps[r] = picture ? ir_region_channel_stride(t, picture) : 0;
    e->steps[r] = picture ? e->call_steps[r] : count * t->register_stride;
  }
  for (size_t k = 0; k < count; k++) {
    for (size_t r = 0; r < result; r++)
      e->registers[k][r] = t->registers + r * register_size + k * t->register_stride;
    for (size_t o = 0; o < i->operand_count; o++)
      if (is_read(i, o))
        e->registers[k][o] = ir_region_pixel(t, &i->operands[o], 0, y + k, x);
    e->registers[k][result] = ir_region_pixel(t, &i->output, 0, y + k, x);
  }
  for (size_t o = 0; o < i->operand_count; o++) {
    if (!has_window(i, o)) continue;
    start_depthwise(t, &i->operands[o], &i->windows[o], y, count, rows, &e->windows[o]);
    for (size_t k = 0; k < count; k++) e->windows[o].call.output[k] = e->registers[k][o];
    e->windows[o].call.output_stride = count * t->register_stride;
  }
}

static void run_program(
  const struct ir_region_instruction *i, float *const *registers, const size_t *steps, size_t channels,
  size_t columns) {
  for (size_t p = 0; p < i->program_count; p++) {
    const struct ir_elementwise_instruction *e = &i->program[p];
    struct ir_elementwise_operands operands = {
      .a = registers[e->a], .b = registers[e->b], .c = registers[e->c],
      .output = registers[e->destination], .p = e->p, .q = e->q,
      .a_stride = steps[e->a], .b_stride = steps[e->b], .c_stride = steps[e->c],
      .output_stride = steps[e->destination],
    };
    ir_kernels()->elementwise[e->opcode](channels, columns, &operands);
  }
}

// What a program does to some channels of some rows.
static void run_channels(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, struct elementwise_rows *e,
  size_t channel, size_t channels, size_t columns) {
  const size_t result = i->operand_count + i->program_count - 1;
  const size_t row = t->register_stride, all_rows = (e->count - 1) * row + columns;
  for (size_t o = 0; o < i->operand_count; o++) {
    if (has_window(i, o)) {
      run_depthwise(&e->windows[o], channels);
    } else if (!is_picture(&i->operands[o])) {
      for (size_t c = 0; c < channels; c++) {
        const float value = number(t, &i->operands[o], channel + c);
        float *rows = e->registers[0][o] + c * e->count * row;
        for (size_t j = 0; j < all_rows; j++) rows[j] = value;
      }
    }
  }
  for (size_t k = 0; k < e->count; k++) {
    run_program(i, e->registers[k], e->steps, channels, columns);
    for (size_t r = 0; r <= result; r++) e->registers[k][r] += channels * e->call_steps[r];
  }
}

void ir_region_elementwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  size_t most = IR_PLANAR_DEPTHWISE_ROWS;
  for (size_t o = 0; o < i->operand_count; o++)
    if (has_window(i, o)) most = ir_smaller(most, rows_at_once(&i->windows[o]));
  struct elementwise_rows parts[IR_REGION_MAX_STEP];
  size_t part_count = 0;
  for (size_t y = rows->first, count; y < rows->last; y += count) {
    count = ir_smaller(most, rows->last - y);
    start_elementwise(t, i, y, count, rows, &parts[part_count++]);
  }
  const size_t most_channels = ir_region_register_rows(t->register_stride) / parts[0].count;
  // Rows of a channel lie together: they are done before the next channels'.
  for (size_t channel = 0, channels; channel < i->channels; channel += channels) {
    channels = ir_smaller(most_channels, i->channels - channel);
    for (size_t p = 0; p < part_count; p++)
      run_channels(t, i, &parts[p], channel, channels, rows->last_column - rows->first_column);
  }
}
