#ifndef IR_ATTENTION_H
#define IR_ATTENTION_H

#include <stddef.h>

#include "ir_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Channels of an operand: `count` of a token or feature map that has `channels`, from `first` on.
struct ir_attention_operand {
  size_t channels, first;
};

/// A term of the scores: a matrix [keys][queries] for each item of the batch and head, these apart; 0 shares
/// one.
struct ir_attention_term {
  size_t batch_stride, head_stride;
};

/// softmax(scale * query keyᵀ + terms) * value, in heads. Operands are tokens [batch, queries or keys,
/// channels] where `window_height` is 0; else feature maps [images, channels, height, width] whose windows
/// are the batch, from row `offset_y` and column `offset_x` on, and what they miss before that is at the end.
struct ir_attention_params {
  /// `images` of windows is the batch of tokens.
  size_t images, heads, queries, keys, size, value_size;
  float scale;
  size_t height, width, window_height, window_width, offset_y, offset_x;
  struct ir_attention_operand query, key, value;
  /// Operands of products are rounded to bfloat16; sums and exponentials are float32.
  bool is_bfloat16;
  size_t term_count;
  struct ir_attention_term terms[IR_ATTENTION_MAX_TERMS];
};

/// The output has heads * value_size channels.
void ir_attention(
  const struct ir_attention_params *params, const float *query, const float *key, const float *value,
  const float *const *terms, float *output, void *workspace, int threads);

size_t ir_attention_workspace(const struct ir_attention_params *params, int threads);

#ifdef __cplusplus
}
#endif

#endif
