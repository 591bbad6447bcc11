#ifndef IR_REGION_LINES_H
#define IR_REGION_LINES_H

#include "region.h"

/// Floats of a line that is converted and moved, at a time.
enum { IR_REGION_LINE_PART = 256 };

/// `count` blocks beside each other: a line of their pixels, of one channel, in the feature map that has the
/// blocks, and the first of its places among the channels of the operand that has them so.
struct ir_region_line {
  size_t side, count;
  void *wide;
  bool is_half;
  float *deep;
  /// Elements from place to place.
  size_t stride;
};

typedef void (*ir_region_line_move)(const struct ir_region_line *line);

/// Moves the lines of some rows: `deep` has the places of blocks as channels, `wide` the blocks.
void ir_region_move_lines(
  const struct ir_region_tile *tile, const struct ir_region_instruction *instruction,
  const struct ir_region_rows *rows, const struct ir_region_operand *deep,
  const struct ir_region_operand *wide, size_t channels, ir_region_line_move move);

#endif
