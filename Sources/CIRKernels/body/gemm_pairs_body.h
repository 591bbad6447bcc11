// Matrix products of packed panels of pairs of bfloat16.

#include "gemm_tile.h"

void IR_ISA_NAME(bf16_gemm)(const struct ir_gemm_tile *t) { gemm(t, true); }
