#ifndef IR_REGION_INTERNAL_H
#define IR_REGION_INTERNAL_H

#include "ir_region.h"

/// A tile while it is computed.
struct ir_region_tile {
  const struct ir_region *region;
  const float *const *inputs;
  float *const *outputs;
  /// The packed weights of instruction i where they are inputs.
  const float *const *packed;
  size_t image, first_column, last_column;
  /// A thread's memory: zeros for a row, registers (IR_PLANAR_DEPTHWISE_ROWS rows each), then the rolling rows of each value.
  const float *zeros;
  float *registers;
  /// Elements from row to row of a register.
  size_t register_stride;
  float *const *rolling;
  const size_t *row_strides, *channel_strides;
  /// The rows of pictures that the next step reads and writes; products ask for them.
  struct ir_prefetch *prefetch;
};

/// Rows first ..< last and columns first_column ..< last_column of an instruction's result.
struct ir_region_rows {
  size_t first, last, first_column, last_column;
};

/// Channel `channel` of row y of an operand, at column x, which lies in the operand's tile.
float *ir_region_pixel(
  const struct ir_region_tile *tile, const struct ir_region_operand *operand, size_t channel, size_t y,
  ptrdiff_t x);

/// Elements from channel to channel.
size_t ir_region_channel_stride(
  const struct ir_region_tile *tile, const struct ir_region_operand *operand);

/// Rows of a window, channel 0, and their steps to the next channel: a row outside the picture is a row of zeros,
/// the same for every channel.
void ir_region_window_rows(
  const struct ir_region_tile *tile, const struct ir_region_operand *operand,
  const struct ir_region_window *window, size_t y, size_t count, ptrdiff_t x, const float **rows,
  size_t *strides);

/// Depthwise convolutions, and elementwise programs with and without windows.
void ir_region_depthwise(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows);
void ir_region_elementwise(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows);

void ir_region_run(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, size_t index,
  const struct ir_region_rows *rows);

#endif
