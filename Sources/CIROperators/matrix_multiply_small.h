#ifndef MATRIX_MULTIPLY_SMALL_H
#define MATRIX_MULTIPLY_SMALL_H

#include <stdbool.h>

#include "ir_matrix_multiply.h"

/// Whether a batch of many small products is computed as dot products of the rows of A and the columns of B,
/// in which depth follows depth. Such products have no biases and no residual.
bool ir_is_small_product(const struct ir_matrix_multiply_params *params);

void ir_small_products(
  const struct ir_matrix_multiply_params *params, const float *a, const float *b, float *c, int threads);

#endif
