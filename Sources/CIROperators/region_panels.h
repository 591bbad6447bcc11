#ifndef IR_REGION_PANELS_H
#define IR_REGION_PANELS_H

#include "region.h"

/// Weights of a window for one input channel.
size_t ir_region_taps(const struct ir_region_instruction *instruction);

/// Floats of an instruction's panels, for ir_region_operation.packed_count.
size_t ir_region_panels_count(const struct ir_region_instruction *instruction);

/// Weights [channels][depth][taps] to panels of planar_rows channels, which share the loads of their inputs:
/// [taps][depth][rows] each, the last with the rows that are left.
void ir_region_pack_panels(size_t channels, size_t depth, size_t taps, const float *weights, float *packed);

/// The first channel of a part of whole panels, for ir_region_operation.pack_start.
size_t ir_region_panel_start(const struct ir_region_instruction *instruction, size_t part);

#endif
