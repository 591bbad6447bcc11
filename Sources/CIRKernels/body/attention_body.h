// Softmax attention of a panel of queries.

#include "attention_panel.h"

void IR_ISA_NAME(f32_attention)(const struct ir_attention_panel *p) { attention(p, false); }
