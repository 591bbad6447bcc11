#ifndef IR_WINOGRAD_PANEL_H
#define IR_WINOGRAD_PANEL_H

#include "gemm_block.h"

enum { IR_WINOGRAD_STRIPS = 4, IR_WINOGRAD_WINDOW = IR_WINOGRAD_TILE + 2, IR_WINOGRAD_MAX_STRIPS = 16 };

/// Tiles that are computed together: their windows at the points, for every point the product with the
/// weights, the results from the products.
struct ir_winograd_panel {
  /// The output channels in panels of the matrix kernel, and those of them that are computed.
  struct ir_panels rows;
  size_t first_panel, last_panel;
  /// Input channels.
  size_t depth;
  /// Products are of bfloat16.
  bool is_bfloat16;
  /// IR_WINOGRAD_STRIPS for each of ir_winograd_vectors vectors of tiles.
  const struct ir_winograd_strip *strips;
  const float *input;
  size_t input_plane_stride;
  /// As ir_conv2d_winograd_pack_weights has them.
  const float *weights;
  /// ir_winograd_scratch_count floats.
  float *scratch;
  /// Bias, residual and output of the first channel that is computed.
  struct ir_winograd_output output;
};

/// Vectors of tiles in a panel as wide as the matrix kernel.
size_t ir_winograd_vectors(void);

/// Floats from point to point of the windows of a panel of tiles at so many steps of depth, and from channel
/// to channel of their products.
size_t ir_winograd_input_stride(size_t depth);
size_t ir_winograd_products_stride(void);

size_t ir_winograd_scratch_count(size_t depth, size_t channels, bool is_bfloat16);

/// The part of a strip's window, which begins at this row and column, that lies in a feature map.
void ir_winograd_clip(
  struct ir_winograd_strip *strip, ptrdiff_t top, ptrdiff_t left, size_t height, size_t width);

void ir_winograd_run(const struct ir_winograd_panel *panel);

#endif
