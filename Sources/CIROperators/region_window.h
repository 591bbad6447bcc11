#ifndef IR_REGION_WINDOW_H
#define IR_REGION_WINDOW_H

#include "region.h"

/// A depthwise convolution for a few rows, advanced by some channels at a time.
struct ir_region_window_call {
  struct ir_planar_depthwise call;
  size_t taps, row_count;
};

/// How many rows a call can do.
size_t ir_region_window_rows_at_once(const struct ir_region_window *window);

/// A call for rows y ..< y + count of the window's results; the caller says where its outputs go.
void ir_region_start_window(
  const struct ir_region_tile *tile, const struct ir_region_operand *operand,
  const struct ir_region_window *window, size_t y, size_t count, const struct ir_region_rows *rows,
  struct ir_region_window_call *call);

/// Computes the next channels and advances by them.
void ir_region_run_window(struct ir_region_window_call *call, size_t channels);

#endif
