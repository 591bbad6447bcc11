#include "region.h"

#define REGION_DECLARATION(constant, name) extern const struct ir_region_operation ir_region_##name;
IR_REGION_LIST(REGION_DECLARATION)

#define REGION_ENTRY(constant, name) [IR_REGION_##constant] = &ir_region_##name,
static const struct ir_region_operation *const operations[] = {IR_REGION_LIST(REGION_ENTRY)};

#define REGION_NAME(constant, name) [IR_REGION_##constant] = #name,
static const char *const names[] = {IR_REGION_LIST(REGION_NAME)};

const char *ir_region_name(enum ir_region_opcode opcode) {
  return (size_t)opcode < IR_REGION_COUNT ? names[opcode] : NULL;
}

const struct ir_region_operation *ir_region_operation_of(const struct ir_region_instruction *i) {
  return operations[i->opcode];
}

bool ir_region_packs_weights(const struct ir_region_instruction *i) {
  return ir_region_operation_of(i)->pack && !i->window.weights;
}

size_t ir_region_packed_weights_count(const struct ir_region_instruction *i) {
  const struct ir_region_operation *o = ir_region_operation_of(i);
  return o->packed_count ? o->packed_count(i) : 0;
}

void ir_region_pack_weights(const struct ir_region_instruction *i, const float *weights, float *packed) {
  ir_region_operation_of(i)->pack(i, 0, i->channels, weights, packed);
}

static size_t start(const void *instruction, size_t part) {
  const struct ir_region_instruction *i = instruction;
  return ir_region_operation_of(i)->pack_start(i, part);
}

static void pack(const void *instruction, size_t first, size_t last, const float *weights, float *packed) {
  const struct ir_region_instruction *i = instruction;
  ir_region_operation_of(i)->pack(i, first, last, weights, packed);
}

struct ir_pack_plan ir_region_pack_plan(
  const struct ir_region_instruction *i, struct ir_weights weights, float *packed, float *scratch) {
  return (struct ir_pack_plan){
    .weights = weights,
    .rows = i->channels,
    .row_count = i->depth * i->window.kernel_height * i->window.kernel_width,
    .start = start,
    .pack = pack,
    .what = i,
    .packed = packed,
    .scratch = scratch,
  };
}

enum ir_packing ir_region_packing(const struct ir_region_instruction *i) {
  return ir_region_operation_of(i)->packing;
}
