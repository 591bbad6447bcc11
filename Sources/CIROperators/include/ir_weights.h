#ifndef IR_WEIGHTS_H
#define IR_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Weights as a model stores them.
struct ir_weights {
  /// float, or the uint16_t of binary16 whose values are meant.
  const void *numbers;
  bool is_half;
};

/// The values of `count` weights of binary16.
void ir_widen(struct ir_weights weights, size_t count, float *values, int threads);

#ifdef __cplusplus
}
#endif

#endif
