#ifndef IR_OPERATORS_H
#define IR_OPERATORS_H

/// Whole-operator drivers: tiling, packing and threads over the kernels of CIRKernels.
///
/// What holds for every function here:
/// - Tensors are dense row-major float32 unless a parameter says otherwise; sizes and strides are
///   in elements, workspaces in bytes. A workspace is 64-byte aligned and may be uninitialised;
///   a workspace of 0 bytes may be NULL.
/// - `threads` >= 1; the result has the same bytes for every value of it.
/// - Pointers marked "or NULL" may be absent; no output may overlap an input unless it says so.
/// - Any extent may be 0: then nothing is written (a reduction over nothing writes its identity).
/// - Preconditions are asserted, never reported.
/// - Packed weights and workspaces belong to the ISA selected (ir_kernels_select) when they were
///   made; selecting another one means packing again.

#include <stdbool.h>
#include <stddef.h>

#include "ir_attention.h"
#include "ir_convolution.h"
#include "ir_elementwise.h"
#include "ir_gradients.h"
#include "ir_matrix_multiply.h"
#include "ir_movement.h"
#include "ir_reduction.h"
#include "ir_region.h"
#include "ir_resampling.h"
#include "ir_weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The processors that the process' affinity allows.
int ir_available_processors(void);

/// Calls body(context) once, on this thread, with `threads` - 1 others at hand that share the loops of
/// every driver called from it: threads meet in memory instead of being started for each loop. They
/// sleep when there is nothing to do for some tens of microseconds. Nested calls keep the outer threads.
///
/// `goes_on`, or NULL, is asked on this thread, while it works in a driver, once in some ten milliseconds.
/// Once it returns false, all threads end what they are at within milliseconds, the loops that follow do
/// nothing, and outputs hold anything. The outermost one is asked.
void ir_with_threads(int threads, void (*body)(void *context), bool (*goes_on)(void *context), void *context);

/// One piece of work. `thread` < threads names the worker's share of a workspace: no two tasks of a
/// loop that run at the same time have the same.
typedef void (*ir_task)(const void *context, size_t index, int thread);

/// Runs task(context, i, thread) for every i < count, unless the work is to end; returns when all are done.
/// Workers take the next index from a counter, so a task must not depend on which worker runs it. Inside
/// ir_with_threads the loop is shared with the threads that are there; outside, threads are
/// started for it.
void ir_parallel_for(size_t count, int threads, ir_task task, const void *context);

#ifdef __cplusplus
}
#endif

#endif
