#ifndef IR_CONV2D_WINOGRAD_H
#define IR_CONV2D_WINOGRAD_H

#include "conv2d_packing.h"
#include "winograd_panel.h"

/// Panels of tiles of an image. Tiles are numbered strip by strip, row by row; a panel is as many as the
/// matrix kernel has columns.
size_t ir_winograd_panel_count(const struct ir_conv2d_params *params);

/// The strips of a panel, as many as ir_winograd_panel has.
void ir_winograd_strips(
  const struct ir_conv2d_params *params, size_t panel, struct ir_winograd_strip *strips);

/// The places of an image's results from this output channel on; bias and residual may be NULL.
struct ir_winograd_output ir_winograd_output_of(
  const struct ir_conv2d_params *params, size_t image, size_t channel, const float *bias,
  const float *residual, float *output);

/// Whether an image has so few tiles that they are the rows of the products.
bool ir_winograd_has_few_tiles(const struct ir_conv2d_params *params);

/// As ir_conv2d_winograd_streamed, of few tiles.
void ir_winograd_few(
  const struct ir_conv2d_params *params, const float *input, struct ir_weights weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads);
size_t ir_winograd_few_workspace(const struct ir_conv2d_params *params, int threads);

/// Weights [rows][input_channels][3][3] of a panel of the matrix kernel at the points, point_stride apart:
/// [depth][rows], with bfloat16 pairs.
void ir_winograd_pack_panel(
  const struct ir_conv2d_params *params, size_t rows, const float *weights, float *packed,
  size_t point_stride);

#endif
