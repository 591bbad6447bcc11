#ifndef IR_REGION_INTERNAL_H
#define IR_REGION_INTERNAL_H

#include "ir_region.h"

/// Rows that a depthwise kernel does at once.
enum { IR_REGION_WINDOW_ROWS = 2 };

/// A tile while it is computed.
struct ir_region_tile {
  const struct ir_region *region;
  const float *const *inputs;
  float *const *outputs;
  /// The packed weights of instruction i where they are inputs.
  const float *const *packed;
  size_t image, first_column, last_column;
  /// A thread's memory: zeros for a row, registers (IR_REGION_WINDOW_ROWS rows each), then the rolling rows of each value.
  const float *zeros;
  float *registers;
  size_t register_stride;
  float *const *rolling;
  const size_t *row_strides, *channel_strides;
};

/// Rows first ..< last and columns first_column ..< last_column of an instruction's result.
struct ir_region_rows {
  size_t first, last, first_column, last_column;
};

void ir_region_run(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, size_t index,
  const struct ir_region_rows *rows);

#endif
