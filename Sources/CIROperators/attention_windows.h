#ifndef IR_ATTENTION_WINDOWS_H
#define IR_ATTENTION_WINDOWS_H

#include "ir_attention.h"

/// Windows side by side in a feature map: `count` from window `first` of their row on, whose first row is
/// `top`.
struct ir_window_rows {
  const struct ir_attention_params *params;
  size_t first, count, top;
};

/// The channels of a head, of all windows, as [window][channel][token]: a channel every `stride`, a window
/// every `window_count` floats.
void ir_gather_windows(
  const struct ir_window_rows *rows, const float *planes, size_t channels, size_t stride, size_t window_count,
  float *target);

/// Back to their places.
void ir_scatter_windows(
  const struct ir_window_rows *rows, const float *source, size_t channels, size_t stride, size_t window_count,
  float *planes);

#endif
