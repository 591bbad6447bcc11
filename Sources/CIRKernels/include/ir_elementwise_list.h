#ifndef IR_ELEMENTWISE_LIST_H
#define IR_ELEMENTWISE_LIST_H

/// Every elementwise opcode: X(CONSTANT, function, operand count). `p` and `q` are immediates.
/// Comparisons yield 1 or 0. Minimum, maximum and relu propagate NaN.
#define IR_ELEMENTWISE_LIST(X) \
  X(COPY, copy, 1) \
  X(ADD, add, 2) \
  X(SUBTRACT, subtract, 2) \
  X(MULTIPLY, multiply, 2) \
  X(DIVIDE, divide, 2) \
  X(MINIMUM, minimum, 2) \
  X(MAXIMUM, maximum, 2) \
  X(POWER, power, 2) \
  /* a * p + q */ \
  X(MULTIPLY_ADD_IMMEDIATE, multiply_add_immediate, 1) \
  /* a * b + c */ \
  X(MULTIPLY_ADD, multiply_add, 3) \
  X(NEGATE, negate, 1) \
  X(ABSOLUTE, absolute, 1) \
  X(SQUARE, square, 1) \
  X(SQUARE_ROOT, square_root, 1) \
  X(RECIPROCAL_SQUARE_ROOT, reciprocal_square_root, 1) \
  X(RECIPROCAL, reciprocal, 1) \
  X(EXPONENTIAL, exponential, 1) \
  X(LOGARITHM, logarithm, 1) \
  X(SIGMOID, sigmoid, 1) \
  /* sigmoid(a) * b */ \
  X(SIGMOID_MULTIPLY, sigmoid_multiply, 2) \
  X(TANH, tanh, 1) \
  X(ERF, erf, 1) \
  /* a * (1 + erf(a / sqrt(2))) / 2, alone and times b */ \
  X(GELU, gelu, 1) \
  X(GELU_MULTIPLY, gelu_multiply, 2) \
  /* a * (1 + tanh(sqrt(2 / pi) * (a + 0.044715 a^3))) / 2 */ \
  X(GELU_TANH, gelu_tanh, 1) \
  /* the derivative of gelu: (1 + erf(a / sqrt(2))) / 2 + a * exp(-a^2 / 2) / sqrt(2 pi) */ \
  X(GELU_SLOPE, gelu_slope, 1) \
  X(RELU, relu, 1) \
  /* a < 0 ? p a : a */ \
  X(LEAKY_RELU, leaky_relu, 1) \
  /* a < 0 ? b a : a */ \
  X(PRELU, prelu, 2) \
  /* a < 0 ? p (exp(a) - 1) : a */ \
  X(ELU, elu, 1) \
  /* q * (a < 0 ? p (exp(a) - 1) : a): alpha p, gamma q */ \
  X(SELU, selu, 1) \
  /* a < 0 ? p (exp(a / p) - 1) : a */ \
  X(CELU, celu, 1) \
  /* clip(p a + q, 0, 1) */ \
  X(HARD_SIGMOID, hard_sigmoid, 1) \
  /* a * clip(a / 6 + 1 / 2, 0, 1) */ \
  X(HARD_SWISH, hard_swish, 1) \
  /* a * sigmoid(p a) */ \
  X(SWISH, swish, 1) \
  X(SOFTPLUS, softplus, 1) \
  X(SOFTSIGN, softsign, 1) \
  X(MISH, mish, 1) \
  /* min(max(a, p), q) */ \
  X(CLIP, clip, 1) \
  X(FLOOR, floor, 1) \
  X(CEILING, ceiling, 1) \
  /* halves to even */ \
  X(ROUND, round, 1) \
  X(SIGN, sign, 1) \
  X(SINE, sine, 1) \
  X(COSINE, cosine, 1) \
  X(EQUAL, equal, 2) \
  X(LESS, less, 2) \
  X(LESS_OR_EQUAL, less_or_equal, 2) \
  X(GREATER, greater, 2) \
  X(GREATER_OR_EQUAL, greater_or_equal, 2) \
  /* a != 0 ? b : c */ \
  X(SELECT, select, 3)

#define IR_ELEMENTWISE_CONSTANT(constant, function, operands) IR_ELEMENTWISE_##constant,
enum ir_elementwise_opcode { IR_ELEMENTWISE_LIST(IR_ELEMENTWISE_CONSTANT) };
#undef IR_ELEMENTWISE_CONSTANT

#define IR_ELEMENTWISE_ONE(constant, function, operands) +1
enum { IR_ELEMENTWISE_COUNT = 0 IR_ELEMENTWISE_LIST(IR_ELEMENTWISE_ONE) };
#undef IR_ELEMENTWISE_ONE

#endif
