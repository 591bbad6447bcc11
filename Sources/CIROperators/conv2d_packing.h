#ifndef IR_CONV2D_PACKING_H
#define IR_CONV2D_PACKING_H

#include "ir_convolution.h"

/// The first output channel of a part of the weights that is packed by itself; behind the last one their
/// number.
size_t ir_conv2d_pack_start(const struct ir_conv2d_params *params, size_t part);

/// Packs the output channels first ..< last, of whole parts, which `weights` has. `packed` is that of all.
void ir_conv2d_pack_rows(
  const struct ir_conv2d_params *params, size_t first, size_t last, const float *weights, float *packed);

/// As above, for Winograd's form.
size_t ir_conv2d_winograd_pack_start(const struct ir_conv2d_params *params, size_t part);
void ir_conv2d_winograd_pack_rows(
  const struct ir_conv2d_params *params, size_t first, size_t last, const float *weights, float *packed);

#endif
