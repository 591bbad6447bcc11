#ifndef IR_REGION_INTERNAL_H
#define IR_REGION_INTERNAL_H

#include "ir_region.h"
#include "packing.h"
#include "region_bands.h"

/// A tile while it is computed.
struct ir_region_tile {
  const struct ir_region *region;
  const float *const *inputs;
  float *const *outputs;
  /// The packed weights of instruction i.
  const float *const *packed;
  size_t image, first_column, last_column;
  /// A thread's memory: zeros for a row, registers (ir_region_register_rows rows each), then the rolling rows
  /// of each value.
  const float *zeros;
  float *registers;
  /// Elements from row to row of a register.
  size_t register_stride;
  float *const *rolling;
  const size_t *row_strides, *channel_strides;
  /// The feature map's column that a value's rows begin with.
  const size_t *origins;
  /// As many elements as the most that an instruction's operation asks for.
  float *scratch;
  /// Of this tile: ir_region_sums_count elements for each block of rows.
  float *sums;
  /// The rows of feature maps that the next step reads; products ask for them.
  struct ir_prefetch *prefetch;
};

/// Rows first ..< last and columns first_column ..< last_column of an instruction's result, and what it
/// computes them with.
struct ir_region_rows {
  size_t first, last, first_column, last_column;
  /// The instruction's packed weights, or NULL.
  const float *weights;
  /// The instruction's sums of the block of rows that these lie in, to be added to; NULL without sums.
  float *sums;
};

/// An operation of regions: region_<name>.c defines one for each line of ir_region_list.h. Members that are
/// NULL or false do not apply to it.
struct ir_region_operation {
  void (*run)(
    const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
    const struct ir_region_rows *rows);
  /// Elements of scratch that a thread needs.
  size_t (*scratch_count)(const struct ir_region_instruction *instruction);
  /// Registers that a thread needs.
  size_t (*register_count)(const struct ir_region_instruction *instruction);
  /// Elements of the packed weights, and how channels first ..< last of them are packed, which `weights` has;
  /// without, weights are read as they are. `pack_start` is the first channel of a part that is packed by
  /// itself.
  size_t (*packed_count)(const struct ir_region_instruction *instruction);
  size_t (*pack_start)(const struct ir_region_instruction *instruction, size_t part);
  void (*pack)(
    const struct ir_region_instruction *instruction, size_t first, size_t last, const float *weights,
    float *packed);
  enum ir_packing packing;
  /// Elements of the sums of a block, and the outputs for an image from the sums of all its blocks.
  size_t (*sums_count)(const struct ir_region_instruction *instruction);
  void (*finish)(
    const struct ir_region_instruction *instruction, const float *sums, size_t image, float *const *outputs);
  /// Products in a row of so many columns, each of which asks for a share of what the next step reads.
  size_t (*product_count)(const struct ir_region_instruction *instruction, size_t columns);
  /// The first operand has `depth` channels, not those of the result.
  bool reads_depth;
  /// It asks for its own rows, or reads them where asking does not help.
  bool is_not_prefetched;
};

/// The operation of an instruction.
const struct ir_region_operation *ir_region_operation_of(const struct ir_region_instruction *instruction);

/// How they are packed, from `weights` to `packed` with this scratch.
struct ir_pack_plan ir_region_pack_plan(
  const struct ir_region_instruction *instruction, struct ir_weights weights, float *packed, float *scratch);

/// Channel `channel` of row y of an operand, at column x, which lies in the operand's tile.
float *ir_region_pixel(
  const struct ir_region_tile *tile, const struct ir_region_operand *operand, size_t channel, size_t y,
  ptrdiff_t x);

/// Elements from channel to channel.
size_t ir_region_channel_stride(const struct ir_region_tile *tile, const struct ir_region_operand *operand);

/// Rows of a window, channel 0, and their steps to the next channel: a row outside the feature map is a row
/// of zeros, the same for every channel.
void ir_region_window_rows(
  const struct ir_region_tile *tile, const struct ir_region_operand *operand,
  const struct ir_region_window *window, size_t y, size_t count, ptrdiff_t x, const float **rows,
  size_t *strides);

/// Rows of a register of elementwise programs: those of several channels, as far as all registers stay in the
/// nearest cache.
size_t ir_region_register_rows(size_t register_stride);

/// Elements of the sums of a block of rows, all instructions together.
size_t ir_region_sums_count(const struct ir_region *region);

/// The sums of instruction `index` of the block that some rows lie in, which are 0 before its first rows;
/// NULL where its operation has none.
float *ir_region_block_sums(
  const struct ir_region_tile *tile, size_t index, const struct ir_region_rows *rows);

/// The outputs of all sums from those of `blocks` blocks for each image, which it overwrites.
void ir_region_combine(
  const struct ir_region *region, float *sums, size_t blocks, float *const *outputs, int threads);

/// The most rows beyond a tile that an instruction computes.
size_t ir_region_deepest_margin(const struct ir_region *region);

/// Computes a band of the tile, as far as other threads do not take its rows.
void ir_region_run_tile(const struct ir_region_tile *tile, ir_region_band *band);

#endif
