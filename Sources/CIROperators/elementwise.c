#include "ir_elementwise.h"

#include <assert.h>
#include <string.h>

#include "parallel.h"

// A tile goes through the whole program before the next one: registers stay in the first-level
// cache. A dense input is read where it lies; a register that only becomes an output is written
// where it belongs.
enum { TILE = 512, TILES_OF_A_TASK = 32 };

struct elementwise_context {
  const struct ir_elementwise_program *program;
  const float *const *inputs;
  float *const *outputs;
  float *workspace;
  size_t count;
  /// The shape with extents that no input tells apart merged.
  size_t rank;
  size_t shape[IR_ELEMENTWISE_MAX_RANK];
  size_t strides[IR_ELEMENTWISE_MAX_INPUTS][IR_ELEMENTWISE_MAX_RANK];
  enum { DENSE, CONSTANT, STRIDED } kinds[IR_ELEMENTWISE_MAX_INPUTS];
  /// The output written in place by each register, or -1; outputs copied at the end are marked.
  int direct[IR_ELEMENTWISE_MAX_REGISTERS];
  bool is_copied[IR_ELEMENTWISE_MAX_OUTPUTS];
};

static void merge_extents(struct elementwise_context *c) {
  const struct ir_elementwise_program *p = c->program;
  for (size_t d = 0; d < p->rank; d++) {
    if (p->shape[d] == 1) continue;
    bool merges = c->rank > 0;
    for (size_t i = 0; i < p->input_count && merges; i++)
      merges = c->strides[i][c->rank - 1] == p->input_strides[i][d] * p->shape[d];
    size_t at = merges ? c->rank - 1 : c->rank++;
    c->shape[at] = merges ? c->shape[at] * p->shape[d] : p->shape[d];
    for (size_t i = 0; i < p->input_count; i++) c->strides[i][at] = p->input_strides[i][d];
  }
}

static void classify_inputs(struct elementwise_context *c) {
  for (size_t i = 0; i < c->program->input_count; i++) {
    bool is_constant = true, is_dense = true;
    size_t dense = 1;
    for (size_t d = c->rank; d-- > 0;) {
      is_constant = is_constant && c->strides[i][d] == 0;
      is_dense = is_dense && c->strides[i][d] == dense;
      dense *= c->shape[d];
    }
    // One element in all is both.
    c->kinds[i] = is_dense ? DENSE : is_constant ? CONSTANT : STRIDED;
  }
}

static void place_outputs(struct elementwise_context *c) {
  const struct ir_elementwise_program *p = c->program;
  for (size_t r = 0; r < IR_ELEMENTWISE_MAX_REGISTERS; r++) c->direct[r] = -1;
  for (size_t o = 0; o < p->output_count; o++) {
    uint8_t r = p->output_registers[o];
    bool is_input = r < p->input_count;
    for (size_t i = 0; i < p->input_count; i++) is_input |= c->inputs[i] == c->outputs[o];
    c->is_copied[o] = is_input || c->direct[r] >= 0;
    if (!c->is_copied[o]) c->direct[r] = (int)o;
  }
}

// Elements start ..< start + count of a broadcast input, run by run of the last extent.
static void read_strided(
  const struct elementwise_context *c, size_t input, size_t start, size_t count, float *tile) {
  const size_t *strides = c->strides[input], last = c->rank - 1, step = strides[last];
  size_t coordinates[IR_ELEMENTWISE_MAX_RANK], rest = start, offset = 0;
  for (size_t d = c->rank; d-- > 0;) {
    coordinates[d] = rest % c->shape[d];
    rest /= c->shape[d];
    offset += coordinates[d] * strides[d];
  }
  while (count) {
    size_t run = ir_smaller(count, c->shape[last] - coordinates[last]);
    const float *source = c->inputs[input] + offset;
    if (step == 1) {
      for (size_t i = 0; i < run; i++) tile[i] = source[i];
    } else if (step == 0) {
      const float value = *source;
      for (size_t i = 0; i < run; i++) tile[i] = value;
    } else {
      for (size_t i = 0; i < run; i++) tile[i] = source[i * step];
    }
    tile += run;
    count -= run;
    offset += run * step;
    coordinates[last] += run;
    for (size_t d = last; d > 0 && coordinates[d] == c->shape[d]; d--) {
      offset += strides[d - 1] - strides[d] * c->shape[d];
      coordinates[d] = 0;
      coordinates[d - 1]++;
    }
  }
}

static void run_tile(const struct elementwise_context *c, size_t start, size_t count, float *scratch) {
  const struct ir_elementwise_program *p = c->program;
  const struct ir_kernel_table *kernels = ir_kernels();
  float *registers[IR_ELEMENTWISE_MAX_REGISTERS];
  const float *sources[IR_ELEMENTWISE_MAX_REGISTERS];
  for (size_t r = 0; r < IR_ELEMENTWISE_MAX_REGISTERS; r++) {
    registers[r] = c->direct[r] >= 0 ? c->outputs[c->direct[r]] + start : scratch + r * TILE;
    sources[r] = registers[r];
  }
  for (size_t i = 0; i < p->input_count; i++) {
    if (c->kinds[i] == DENSE) sources[i] = c->inputs[i] + start;
    if (c->kinds[i] == STRIDED) read_strided(c, i, start, count, registers[i]);
  }
  for (size_t i = 0; i < p->instruction_count; i++) {
    const struct ir_elementwise_instruction *instruction = &p->instructions[i];
    struct ir_elementwise_operands operands = {
      .a = sources[instruction->a],
      .b = sources[instruction->b],
      .c = sources[instruction->c],
      .output = registers[instruction->destination],
      .p = instruction->p,
      .q = instruction->q,
    };
    kernels->elementwise[instruction->opcode](1, count, &operands);
  }
  for (size_t o = 0; o < p->output_count; o++)
    if (c->is_copied[o])
      memmove(c->outputs[o] + start, sources[p->output_registers[o]], count * sizeof(float));
}

static void run_task(const void *context, size_t index, int thread) {
  const struct elementwise_context *c = context;
  float *scratch = c->workspace + (size_t)thread * IR_ELEMENTWISE_MAX_REGISTERS * TILE;
  for (size_t i = 0; i < c->program->input_count; i++)
    if (c->kinds[i] == CONSTANT)
      for (size_t j = 0; j < TILE; j++) scratch[i * TILE + j] = c->inputs[i][0];
  size_t start = index * TILE * TILES_OF_A_TASK;
  size_t end = ir_smaller(start + TILE * TILES_OF_A_TASK, c->count);
  for (; start < end; start += TILE) run_tile(c, start, ir_smaller(TILE, end - start), scratch);
}

size_t ir_elementwise_workspace(const struct ir_elementwise_program *program, int threads) {
  (void)program;
  return (size_t)threads * IR_ELEMENTWISE_MAX_REGISTERS * TILE * sizeof(float);
}

void ir_elementwise(
  const struct ir_elementwise_program *program, const float *const *inputs, float *const *outputs,
  void *workspace, int threads) {
  assert(program->rank <= IR_ELEMENTWISE_MAX_RANK);
  assert(program->input_count <= IR_ELEMENTWISE_MAX_INPUTS);
  assert(program->output_count <= IR_ELEMENTWISE_MAX_OUTPUTS);
  for (size_t i = 0; i < program->instruction_count; i++) {
    assert(program->instructions[i].opcode < IR_ELEMENTWISE_COUNT);
    assert(program->instructions[i].destination >= program->input_count);
    assert(program->instructions[i].destination < IR_ELEMENTWISE_MAX_REGISTERS);
  }
  struct elementwise_context c = {
    .program = program,
    .inputs = inputs,
    .outputs = outputs,
    .workspace = workspace,
    .count = 1,
  };
  for (size_t d = 0; d < program->rank; d++) c.count *= program->shape[d];
  if (!c.count) return;
  merge_extents(&c);
  classify_inputs(&c);
  place_outputs(&c);
  ir_parallel_for(ir_ceiling_divide(c.count, TILE * TILES_OF_A_TASK), threads, run_task, &c);
}
