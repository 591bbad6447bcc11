#ifndef IR_REGION_INTERNAL_H
#define IR_REGION_INTERNAL_H

#include "ir_region.h"
#include "region_bands.h"

/// A tile while it is computed.
struct ir_region_tile {
  const struct ir_region *region;
  const float *const *inputs;
  float *const *outputs;
  /// The packed weights of instruction i where they are inputs.
  const float *const *packed;
  size_t image, first_column, last_column;
  /// A thread's memory: zeros for a row, registers (ir_region_register_rows rows each), then the rolling rows of
  /// each value.
  const float *zeros;
  float *registers;
  /// Elements from row to row of a register.
  size_t register_stride;
  float *const *rolling;
  const size_t *row_strides, *channel_strides;
  /// The picture's column that a value's rows begin with.
  const size_t *origins;
  /// As many elements as ir_region_gram_scratch and ir_region_gather_scratch say.
  float *scratch;
  /// Of this tile: ir_region_sums_count elements for each block of rows.
  float *sums;
  /// The rows of pictures that the next step reads; products ask for them.
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

/// Rows of a register of elementwise programs: those of several channels, as far as all registers stay in the
/// nearest cache.
size_t ir_region_register_rows(size_t register_stride);

/// Copies, also from and to binary16, and moves of blocks.
void ir_region_copy(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows);
void ir_region_space_to_depth(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows);
void ir_region_depth_to_space(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows);

/// Depthwise convolutions, and elementwise programs with and without windows.
void ir_region_depthwise(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows);
void ir_region_elementwise(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows);

/// Elements of the sums of a block, of those of an instruction, and of the scratch of a thread.
size_t ir_region_sums_count(const struct ir_region *region);
size_t ir_region_gram_count(const struct ir_region_instruction *instruction);
size_t ir_region_gram_scratch(const struct ir_region *region);

/// The sums of instruction `index` of the block that some rows lie in, which are 0 before its first rows.
float *ir_region_block_sums(
  const struct ir_region_tile *tile, size_t index, const struct ir_region_rows *rows);

/// Convolutions in Winograd's form, and elements of a thread's scratch for them.
void ir_region_winograd(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, const float *weights,
  const struct ir_region_rows *rows);
size_t ir_region_winograd_scratch(const struct ir_region *region);

/// Elements of a thread's scratch where products read pictures.
size_t ir_region_gather_scratch(const struct ir_region *region);

/// Adds the pixels of some rows, all of one block, to the sums of instruction `index`.
void ir_region_gram(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, size_t index,
  const struct ir_region_rows *rows);
void ir_region_sum(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, size_t index,
  const struct ir_region_rows *rows);

/// The outputs for an image from its sums.
void ir_region_gram_results(
  const struct ir_region_instruction *instruction, const float *sums, size_t image, float *const *outputs);

/// The outputs of all sums from those of `blocks` blocks for each image, which it overwrites.
void ir_region_combine(
  const struct ir_region *region, float *sums, size_t blocks, float *const *outputs, int threads);

/// The most rows beyond a tile that an instruction computes.
size_t ir_region_deepest_margin(const struct ir_region *region);

/// Computes a band of the tile, as far as other threads do not take its rows.
void ir_region_run_tile(const struct ir_region_tile *tile, ir_region_band *band);

void ir_region_run(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction, size_t index,
  const struct ir_region_rows *rows);

#endif
