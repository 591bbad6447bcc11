// Softmax attention of a panel of queries, in bfloat16 with sums in float32.

#include "attention_panel.h"

void IR_ISA_NAME(bf16_attention)(const struct ir_attention_panel *p) { attention(p, true); }
