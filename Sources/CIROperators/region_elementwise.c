#include "parallel.h"
#include "region_window.h"

// Elementwise programs, with and without windows of their operands.

static bool is_feature_map(const struct ir_region_operand *o) { return o->place <= IR_REGION_OUTPUT; }

// The number that a channel's operand stands for.
static float number(const struct ir_region_tile *t, const struct ir_region_operand *o, size_t channel) {
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
  return is_feature_map(&i->operands[operand]) && !has_window(i, operand);
}

// A few rows of an elementwise result: where their operands are, some channels at a time. The thread's
// registers hold the rows of these channels one behind the other.
struct elementwise_rows {
  size_t count;
  float *registers[IR_PLANAR_DEPTHWISE_ROWS][IR_ELEMENTWISE_MAX_REGISTERS];
  // From channel to channel: of the rows of a register, and of those among them that hold the next call's
  // channels.
  size_t steps[IR_ELEMENTWISE_MAX_REGISTERS], call_steps[IR_ELEMENTWISE_MAX_REGISTERS];
  struct ir_region_window_call windows[IR_REGION_MAX_OPERANDS];
};

static void start_elementwise(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, size_t y, size_t count,
  const struct ir_region_rows *rows, struct elementwise_rows *e) {
  const ptrdiff_t x = (ptrdiff_t)rows->first_column;
  const size_t result = i->operand_count + i->program_count - 1;
  const size_t register_size = ir_region_register_rows(t->register_stride) * t->register_stride;
  e->count = count;
  for (size_t r = 0; r <= result; r++) {
    const struct ir_region_operand *picture = r == result ? &i->output
      : r < i->operand_count && is_read(i, r)             ? &i->operands[r]
                                                          : NULL;
    e->call_steps[r] = picture ? ir_region_channel_stride(t, picture) : 0;
    e->steps[r] = picture ? e->call_steps[r] : count * t->register_stride;
  }
  for (size_t k = 0; k < count; k++) {
    for (size_t r = 0; r < result; r++)
      e->registers[k][r] = t->registers + r * register_size + k * t->register_stride;
    for (size_t o = 0; o < i->operand_count; o++)
      if (is_read(i, o)) e->registers[k][o] = ir_region_pixel(t, &i->operands[o], 0, y + k, x);
    e->registers[k][result] = ir_region_pixel(t, &i->output, 0, y + k, x);
  }
  for (size_t o = 0; o < i->operand_count; o++) {
    if (!has_window(i, o)) continue;
    ir_region_start_window(t, &i->operands[o], &i->windows[o], y, count, rows, &e->windows[o]);
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
      .a = registers[e->a],
      .b = registers[e->b],
      .c = registers[e->c],
      .output = registers[e->destination],
      .p = e->p,
      .q = e->q,
      .a_stride = steps[e->a],
      .b_stride = steps[e->b],
      .c_stride = steps[e->c],
      .output_stride = steps[e->destination],
    };
    ir_kernels()->elementwise[e->opcode](channels, columns, &operands);
  }
}

// Runs the program for some channels of some rows.
static void run_channels(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, struct elementwise_rows *e,
  size_t channel, size_t channels, size_t columns) {
  const size_t result = i->operand_count + i->program_count - 1;
  const size_t row = t->register_stride, all_rows = (e->count - 1) * row + columns;
  for (size_t o = 0; o < i->operand_count; o++) {
    if (has_window(i, o)) {
      ir_region_run_window(&e->windows[o], channels);
    } else if (!is_feature_map(&i->operands[o])) {
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

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  size_t most = IR_PLANAR_DEPTHWISE_ROWS;
  for (size_t o = 0; o < i->operand_count; o++)
    if (has_window(i, o)) most = ir_smaller(most, ir_region_window_rows_at_once(&i->windows[o]));
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

static size_t register_count(const struct ir_region_instruction *i) {
  return i->operand_count + i->program_count;
}

const struct ir_region_operation ir_region_elementwise = {.run = run, .register_count = register_count};
