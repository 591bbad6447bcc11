#ifndef IR_PARALLEL_H
#define IR_PARALLEL_H

#include <stddef.h>

/// One piece of work. `thread` < threads names the worker's share of a workspace: no two tasks of a
/// loop that run at the same time have the same.
typedef void (*ir_task)(const void *context, size_t index, int thread);

/// Runs task(context, i, thread) for every i < count; returns when all are done. Workers take the
/// next index from a counter, so a task must not depend on which worker runs it. Inside
/// ir_with_threads the loop is shared with the threads that are there; outside, threads are
/// started for it.
void ir_parallel_for(size_t count, int threads, ir_task task, const void *context);

/// A worker's share of a workspace, in floats: rounded so that shares keep 64-byte alignment.
static inline size_t ir_aligned_count(size_t count) { return (count + 15) & ~(size_t)15; }

static inline size_t ir_ceiling_divide(size_t a, size_t b) { return (a + b - 1) / b; }
static inline size_t ir_smaller(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t ir_larger(size_t a, size_t b) { return a > b ? a : b; }

#endif
