#ifndef IR_APPLY_H
#define IR_APPLY_H

#include <stddef.h>

#include "ir_kernels.h"

/// Applies a function of one operand, with its immediates, to some lines of results, `stride` apart.
/// IR_ELEMENTWISE_COPY is none.
static inline void ir_apply(
  enum ir_elementwise_opcode function, float p, float q, size_t lines, size_t count, float *results,
  size_t stride) {
  if (function == IR_ELEMENTWISE_COPY) return;
  const struct ir_elementwise_operands operands = {
    .a = results, .a_stride = stride, .output = results, .output_stride = stride, .p = p, .q = q};
  ir_kernels()->elementwise[function](lines, count, &operands);
}

#endif
