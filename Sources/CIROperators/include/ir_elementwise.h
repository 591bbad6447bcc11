#ifndef IR_ELEMENTWISE_H
#define IR_ELEMENTWISE_H

#include <stddef.h>
#include <stdint.h>

#include "ir_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  IR_ELEMENTWISE_MAX_RANK = 8,
  IR_ELEMENTWISE_MAX_INPUTS = 16,
  IR_ELEMENTWISE_MAX_OUTPUTS = 8,
  IR_ELEMENTWISE_MAX_REGISTERS = 32,
};

/// registers[destination] = opcode(registers[a], registers[b], registers[c]; p, q).
/// Operands that the opcode does not use are ignored; see ir_elementwise_list.h for the opcodes.
/// The destination may be one of the operands, but never an input's register.
struct ir_elementwise_instruction {
  enum ir_elementwise_opcode opcode;
  uint8_t destination, a, b, c;
  float p, q;
};

/// Registers 0 ..< input_count hold the inputs; the rest are the program's.
struct ir_elementwise_program {
  size_t rank;
  size_t shape[IR_ELEMENTWISE_MAX_RANK];
  size_t input_count, output_count, instruction_count;
  /// Elements from one coordinate to the next in each input; 0 where it broadcasts.
  size_t input_strides[IR_ELEMENTWISE_MAX_INPUTS][IR_ELEMENTWISE_MAX_RANK];
  /// The register each output is read from at the end; the outputs are dense, of `shape`.
  uint8_t output_registers[IR_ELEMENTWISE_MAX_OUTPUTS];
  const struct ir_elementwise_instruction *instructions;
};

/// An output may be an input that is dense (same pointer, no broadcast); no other overlap.
void ir_elementwise(
  const struct ir_elementwise_program *program, const float *const *inputs, float *const *outputs,
  void *workspace, int threads);

size_t ir_elementwise_workspace(const struct ir_elementwise_program *program, int threads);

#ifdef __cplusplus
}
#endif

#endif
