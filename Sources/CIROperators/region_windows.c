#include "parallel.h"
#include "region.h"

// A depthwise convolution for a few rows, advanced channel by channel.
struct depthwise_rows {
  struct ir_planar_depthwise call;
  size_t taps, row_count, strides[IR_PLANAR_MAX_KERNEL + IR_PLANAR_DEPTHWISE_ROWS - 1];
  const float *bias;
  bool is_rolling;
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
  d->bias = w->bias;
  d->is_rolling = operand->place == IR_REGION_ROLLING;
  d->call = (struct ir_planar_depthwise){
    .columns = rows->last_column - rows->first_column, .count = count,
    .kernel_height = w->kernel_height, .kernel_width = w->kernel_width, .dilation = w->dilation,
    .weights = w->weights, .activation = w->activation,
  };
  const ptrdiff_t x = (ptrdiff_t)rows->first_column, start = x - (ptrdiff_t)w->pad_left;
  ir_region_window_rows(t, operand, w, y, d->row_count, x, d->call.input, d->strides);
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

void ir_region_depthwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  const size_t stride = ir_region_channel_stride(t, &i->output);
  struct depthwise_rows calls[IR_REGION_MAX_STEP];
  size_t call_count = 0;
  for (size_t y = rows->first, count; y < rows->last; y += count) {
    struct depthwise_rows *d = &calls[call_count++];
    count = ir_smaller(rows_at_once(&i->window), rows->last - y);
    start_depthwise(t, &i->operands[0], &i->window, y, count, rows, d);
    for (size_t k = 0; k < count; k++)
      d->call.output[k] = ir_region_pixel(t, &i->output, 0, y + k, (ptrdiff_t)rows->first_column);
  }
  for (size_t channel = 0; channel < i->channels; channel++)
    for (size_t c = 0; c < call_count; c++) {
      run_depthwise(&calls[c]);
      for (size_t k = 0; k < calls[c].call.count; k++) calls[c].call.output[k] += stride;
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

// A few rows of an elementwise result: where their operands are, channel by channel. The rows of a register
// of the thread's lie register_stride apart.
struct elementwise_rows {
  size_t count;
  float *registers[IR_PLANAR_DEPTHWISE_ROWS][IR_ELEMENTWISE_MAX_REGISTERS];
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
      e->registers[k][r] = t->registers + (r * IR_PLANAR_DEPTHWISE_ROWS + k) * t->register_stride;
    for (size_t o = 0; o < i->operand_count; o++)
      if (is_picture(&i->operands[o]) && !has_window(i, o))
        e->registers[k][o] = ir_region_pixel(t, &i->operands[o], 0, y + k, x);
    e->registers[k][result] = ir_region_pixel(t, &i->output, 0, y + k, x);
  }
  for (size_t o = 0; o < i->operand_count; o++) {
    if (!has_window(i, o)) continue;
    start_depthwise(t, &i->operands[o], &i->windows[o], y, count, rows, &e->windows[o]);
    for (size_t k = 0; k < count; k++) e->windows[o].call.output[k] = e->registers[k][o];
  }
}

static void run_program(
  const struct ir_elementwise_instruction *program, size_t count, float *const *registers, size_t columns) {
  for (size_t p = 0; p < count; p++) {
    const struct ir_elementwise_instruction *e = &program[p];
    struct ir_elementwise_operands operands = {
      .a = registers[e->a], .b = registers[e->b], .c = registers[e->c],
      .output = registers[e->destination], .p = e->p, .q = e->q,
    };
    ir_kernels()->elementwise[e->opcode](columns, &operands);
  }
}

void ir_region_elementwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i,
  const struct ir_region_rows *rows) {
  const size_t columns = rows->last_column - rows->first_column;
  const size_t result = i->operand_count + i->program_count - 1;
  size_t strides[IR_REGION_MAX_OPERANDS] = {0}, most = IR_PLANAR_DEPTHWISE_ROWS;
  bool has_pictures = false;
  for (size_t o = 0; o < i->operand_count; o++) {
    if (has_window(i, o)) {
      most = ir_smaller(most, rows_at_once(&i->windows[o]));
    } else if (is_picture(&i->operands[o])) {
      strides[o] = ir_region_channel_stride(t, &i->operands[o]);
      has_pictures = true;
    }
  }
  // Instructions whose operands are all registers do all rows at once, and what lies between these.
  const size_t joined = has_pictures ? 0 : i->program_count - 1;
  struct elementwise_rows parts[IR_REGION_MAX_STEP];
  size_t part_count = 0;
  for (size_t y = rows->first, count; y < rows->last; y += count) {
    count = ir_smaller(most, rows->last - y);
    start_elementwise(t, i, y, count, rows, &parts[part_count++]);
  }
  // Rows of a channel lie together: they are done before the next channel's.
  const size_t output_stride = ir_region_channel_stride(t, &i->output);
  for (size_t channel = 0; channel < i->channels; channel++) {
    for (size_t o = 0; o < i->operand_count; o++) {
      if (is_picture(&i->operands[o])) continue;
      const float value = number(t, &i->operands[o], channel);
      const size_t count = (parts[0].count - 1) * t->register_stride + columns;
      for (size_t j = 0; j < count; j++) parts[0].registers[0][o][j] = value;
    }
    for (size_t p = 0; p < part_count; p++) {
      struct elementwise_rows *e = &parts[p];
      for (size_t o = 0; o < i->operand_count; o++)
        if (has_window(i, o)) run_depthwise(&e->windows[o]);
      run_program(i->program, joined, e->registers[0], (e->count - 1) * t->register_stride + columns);
      for (size_t k = 0; k < e->count; k++) {
        run_program(i->program + joined, i->program_count - joined, e->registers[k], columns);
        for (size_t o = 0; o < i->operand_count; o++) e->registers[k][o] += strides[o];
        e->registers[k][result] += output_stride;
      }
    }
  }
}
