#ifndef IR_REGION_H
#define IR_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir_convolution.h"
#include "ir_elementwise.h"
#include "ir_kernels.h"
#include "ir_region_list.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Several operators computed together, band of rows by band of rows: what lies between them stays in
/// rolling rows that fit a cache.
///
/// All values are feature maps [batch, channels, height, width] of one height and width. A task is a tile:
/// `band_rows` rows of `tile_columns` columns of the region's outputs. It advances by `step_rows` rows;
/// in each step every instruction computes the rows of its result that have become computable. A value
/// that windows read is computed `margin` rows and columns beyond the tile on every side, as far as
/// the feature map goes; outside the feature map it is 0.

enum { IR_REGION_MAX_OPERANDS = 12, IR_REGION_MAX_STEP = 8, IR_REGION_MAX_SIDE = 16 };

enum ir_region_place {
  /// Rolling rows of this tile; `index` is a value of the region.
  IR_REGION_ROLLING,
  /// A whole feature map of the caller; `index` is an input or an output, of which sums read the rows that
  /// were just written.
  IR_REGION_INPUT,
  IR_REGION_OUTPUT,
  /// The sums of an instruction; `index` is the first of their outputs.
  IR_REGION_SUMS,
  /// Numbers for each channel [channels], the same for the whole batch: an input.
  IR_REGION_CHANNELS,
  /// As above, [batch, channels].
  IR_REGION_IMAGE_CHANNELS,
  /// One number: an input.
  IR_REGION_SCALAR,
};

struct ir_region_operand {
  enum ir_region_place place;
  uint32_t index;
  /// The first channel, and how many the whole feature map has.
  uint32_t channel, channels;
  /// A whole feature map of binary16, which copies and moves of blocks read and write.
  bool is_half;
};

/// Rolling rows of a value.
struct ir_region_value {
  size_t channels;
  size_t margin_rows, margin_columns;
  /// Rows kept; a row is found at its number modulo this.
  size_t rows;
};

/// Which operation an instruction is: a line of ir_region_list.h.
#define IR_REGION_CONSTANT(constant, name) IR_REGION_##constant,
enum ir_region_opcode { IR_REGION_LIST(IR_REGION_CONSTANT) IR_REGION_COUNT };
#undef IR_REGION_CONSTANT

/// The operation's name in ir_region_list.h, or NULL for a number that is not one of them.
const char *ir_region_name(enum ir_region_opcode opcode);

/// The window of a convolution with stride 1.
struct ir_region_window {
  /// 0: none.
  size_t kernel_height;
  size_t kernel_width, dilation;
  /// Zeros before the first row and column.
  size_t pad_top, pad_left;
  /// Depthwise [channels][kernel_height][kernel_width]; else packed (ir_region_pack_weights). NULL where they
  /// are packed at each run: `stored`, or the input `weights_input` where that has no numbers.
  const float *weights;
  struct ir_weights stored;
  uint32_t weights_input;
  /// [channels] or NULL.
  const float *bias;
  enum ir_activation activation;
  /// Of IR_ACTIVATION_LEAKY_RELU, in Winograd's form alone.
  float slope;
};

/// Place (i, j) of a block of a feature map's channel c is channel c * channel_step + (i * side + j) *
/// place_step.
struct ir_region_blocks {
  /// 1 ... IR_REGION_MAX_SIDE.
  size_t side;
  /// Blocks of the feature map beside each other: a region without windows may have cut its pixels into other
  /// rows.
  size_t columns;
  size_t channel_step, place_step;
};

struct ir_region_instruction {
  enum ir_region_opcode opcode;
  struct ir_region_operand output;
  /// Of the output.
  size_t channels, margin_rows, margin_columns;
  struct ir_region_operand operands[IR_REGION_MAX_OPERANDS];
  size_t operand_count;

  struct ir_region_blocks blocks;

  /// Convolutions; `depth` is their input channels.
  struct ir_region_window window;
  size_t depth;
  bool has_residual;
  size_t groups;

  /// Sums.
  float factor;

  /// Normalizations; [channels] or NULL.
  const float *scale, *bias;
  bool is_centred;
  float epsilon;

  /// Elementwise. `windows` is NULL or has a depthwise convolution for each operand, applied to it before
  /// the program reads it; its weights begin at the operand's first channel.
  const struct ir_elementwise_instruction *program;
  size_t program_count;
  const struct ir_region_window *windows;
};

/// Products of so many weights with fewer pixels, and depthwise convolutions of so many planes of fewer
/// pixels, are faster where channels, too, are shared out: outside of regions.
enum { IR_REGION_FEWEST_PIXELS = 512, IR_REGION_MANY_WEIGHTS = 4096, IR_REGION_MANY_PLANES = 64 };

/// Rows of a region, and tiles beside each other of all images, are at most so many.
enum { IR_REGION_MAX_ROWS = (1 << 22) - 1, IR_REGION_MAX_TILES = 1 << 20 };

struct ir_region {
  size_t batch, height, width;
  /// `step_rows` is at most IR_REGION_MAX_STEP.
  size_t tile_columns, band_rows, step_rows;
  /// Rows of a tile whose sums one thread adds up, step by step: a multiple of `step_rows`, and `band_rows`
  /// is one of it. Without sums 1.
  size_t block_rows;
  const struct ir_region_value *values;
  size_t value_count;
  const struct ir_region_instruction *instructions;
  size_t instruction_count;
};

/// Whether the instruction's weights, an input or as a model stores them, are packed at each run that is not
/// given them packed.
bool ir_region_packs_weights(const struct ir_region_instruction *instruction);

/// Elements of the packed weights of an instruction's window; 0 where its operation reads weights as they
/// are.
size_t ir_region_packed_weights_count(const struct ir_region_instruction *instruction);

/// Weights [channels, depth, kernel_height, kernel_width] to the order the operation reads.
void ir_region_pack_weights(
  const struct ir_region_instruction *instruction, const float *weights, float *packed);

/// The order that this is: equal orders of equal weights are the same numbers.
enum ir_packing ir_region_packing(const struct ir_region_instruction *instruction);

/// Bytes.
size_t ir_region_workspace(const struct ir_region *region, int threads);

/// An output may be an input that only earlier instructions of margin 0 without windows read, in the same
/// pixels as the output is written; else no output may overlap an input. Sums of blocks of rows are added in
/// their order, whatever the threads. `packed_weights` is NULL, or has by instruction NULL or its packed
/// weights, which are then not packed from their input.
void ir_region(
  const struct ir_region *region, const float *const *inputs, float *const *outputs,
  const float *const *packed_weights, void *workspace, int threads);

#ifdef __cplusplus
}
#endif

#endif
