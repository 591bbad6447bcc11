#ifndef IR_PARALLEL_H
#define IR_PARALLEL_H

#include "ir_operators.h"

#include <stdbool.h>
#include <stddef.h>

/// Whether the work of this thread is to end, as `goes_on` of ir_with_threads said. Loops look at it before
/// each task; tasks that take longer than some milliseconds look at it themselves.
bool ir_is_ended(void);

/// A worker's share of a workspace, in floats: rounded so that shares keep 64-byte alignment.
static inline size_t ir_aligned_count(size_t count) { return (count + 15) & ~(size_t)15; }

static inline size_t ir_ceiling_divide(size_t a, size_t b) { return (a + b - 1) / b; }
static inline size_t ir_smaller(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t ir_larger(size_t a, size_t b) { return a > b ? a : b; }

#endif
