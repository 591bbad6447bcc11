#ifndef IR_PACKING_H
#define IR_PACKING_H

#include <stddef.h>

#include "ir_weights.h"

/// Weights [rows][row_count] that all threads bring into the order in which a kernel reads them, part by
/// part; numbers of binary16 are widened on the way.
struct ir_pack_plan {
  struct ir_weights weights;
  size_t rows, row_count;
  /// The first row of a part; `rows` behind the last one.
  size_t (*start)(const void *what, size_t part);
  /// Packs a part: the rows first ..< last, which `weights` has. `packed` is that of all rows.
  void (*pack)(const void *what, size_t first, size_t last, const float *weights, float *packed);
  const void *what;
  float *packed;
  /// ir_pack_scratch_count floats.
  float *scratch;
};

/// Floats that threads widen numbers in: those of the largest part, for each.
size_t ir_pack_scratch_count(const struct ir_pack_plan *plan, int threads);

void ir_pack(const struct ir_pack_plan *plan, int threads);

#endif
