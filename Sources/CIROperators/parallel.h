#ifndef IR_PARALLEL_H
#define IR_PARALLEL_H

#include "ir_operators.h"

#include <stddef.h>

/// A worker's share of a workspace, in floats: rounded so that shares keep 64-byte alignment.
static inline size_t ir_aligned_count(size_t count) { return (count + 15) & ~(size_t)15; }

static inline size_t ir_ceiling_divide(size_t a, size_t b) { return (a + b - 1) / b; }
static inline size_t ir_smaller(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t ir_larger(size_t a, size_t b) { return a > b ? a : b; }

#endif
