#ifndef IR_KERNEL_LIST_H
#define IR_KERNEL_LIST_H

#include "ir_kernel_types.h"

/// Kernels of pairs of bfloat16: a float holds the bits of a number of an even place in its low half and of
/// the next one in its high half; behind an odd count that is 0. Sums are float32. Numbers are rounded to the
/// nearest, halves to even.
#define IR_PAIRS_KERNEL_LIST(X) \
  X(bf16_planar_product, void, (const struct ir_planar_pairs_product *product)) \
  /* pairs[k][x] has input[2 k][x] and input[2 k + 1][x]. Writes whole vectors; rows as far apart as the */ \
  /* input's whole vectors may be in its place. */ \
  X(bf16_pairs, void, \
    (size_t depth, size_t columns, const float *input, size_t stride, float *pairs, size_t pairs_stride)) \
  /* As bf16_pairs of rows that follow each other, in their place or another, and nothing beyond them. */ \
  X(bf16_pair_rows, void, (size_t depth, size_t columns, const float *input, float *pairs)) \
  /* pairs[i] has input[2 i] and input[2 i + 1], in their place or another. */ \
  X(bf16_pair_neighbours, void, (size_t count, const float *input, float *pairs)) \
  /* Of a tile whose `depth` counts pairs. */ \
  X(bf16_gemm, void, (const struct ir_gemm_tile *tile)) \
  /* Its output has pairs of channels. */ \
  X(bf16_winograd_input, void, (const struct ir_winograd_input *input)) \
  /* Queries and keys are pairs of channels, values pairs of keys. */ \
  X(bf16_attention, void, (const struct ir_attention_panel *panel))

/// Every kernel but the elementwise ones: X(name, result, (parameters)).
#define IR_KERNEL_LIST(X) \
  IR_PAIRS_KERNEL_LIST(X) \
  X(f32_gemm, void, (const struct ir_gemm_tile *tile)) \
  /* packed[k][j] = source[k * row_stride + j]; columns beyond `columns` are 0. */ \
  X(f32_gemm_pack_rows, void, \
    (size_t depth, size_t columns, const float *source, size_t row_stride, float *packed)) \
  /* packed[k][j] = source[k * row_stride + 2 * j] for j < columns. */ \
  X(f32_gemm_pack_alternate, void, \
    (size_t depth, size_t columns, const float *source, size_t row_stride, float *packed)) \
  /* packed[k * packed_stride + j] = source[k + j * column_stride] for j < columns. */ \
  X(f32_transpose, void, \
    (size_t depth, size_t columns, const float *source, size_t column_stride, float *packed, \
     size_t packed_stride)) \
  X(f32_planar_product, void, (const struct ir_planar_product *product)) \
  X(f32_planar_depthwise, void, (const struct ir_planar_depthwise *depthwise)) \
  X(f32_planar_normalize, void, (const struct ir_planar_normalize *normalize)) \
  X(f32_winograd_input, void, (const struct ir_winograd_input *input)) \
  X(f32_winograd_output, void, (const struct ir_winograd_output *output)) \
  X(f32_winograd_weights, void, (const struct ir_winograd_weights *weights)) \
  X(f32_attention, void, (const struct ir_attention_panel *panel)) \
  X(f32_depthwise_3x3, void, (const struct ir_depthwise_rows *rows)) \
  X(f32_depthwise_taps, void, (const struct ir_depthwise_taps *taps)) \
  X(f32_depthwise_lanes, void, (const struct ir_depthwise_lanes *lanes)) \
  /* output[i] += weight * input[i * stride] */ \
  X(f32_accumulate, void, (size_t count, float weight, const float *input, size_t stride, float *output)) \
  /* output[i] = max(output[i], input[i * stride]) */ \
  X(f32_accumulate_maximum, void, (size_t count, const float *input, size_t stride, float *output)) \
  /* output[i] = activation(input[i] * scale + shift + residual[i]); residual may be NULL. */ \
  X(f32_scale_shift, void, \
    (size_t count, const float *input, float scale, float shift, const float *residual, \
     enum ir_activation activation, float *output)) \
  X(f32_statistic_row, float, (enum ir_statistic kind, size_t count, float offset, const float *input)) \
  /* accumulator[j] combined with input[i * stride + j] for i < axis; offsets may be NULL. */ \
  X(f32_statistic_columns, void, \
    (enum ir_statistic kind, size_t axis, size_t width, const float *offsets, const float *input, \
     size_t stride, float *accumulator)) \
  /* sums[i] += sum over j < count of input[i * stride + j] for i < rows. */ \
  X(f32_sum_rows, void, (size_t rows, size_t count, const float *input, size_t stride, float *sums)) \
  /* output[i] = (input[i] - mean) * factor * scale[i] + bias[i]; scale, bias may be NULL. */ \
  X(f32_normalize_row, void, \
    (size_t count, float mean, float factor, const float *scale, const float *bias, const float *input, \
     float *output)) \
  /* output[j] = (input[j] - means[j]) * factors[j] * scale + bias; means may be NULL. */ \
  X(f32_normalize_columns, void, \
    (size_t width, const float *means, const float *factors, float scale, float bias, const float *input, \
     float *output)) \
  /* output[i] = exp(input[i] - offset), returns their sum. */ \
  X(f32_exponential_row, float, (size_t count, float offset, const float *input, float *output)) \
  /* output[j] = exp(input[j] - offsets[j]), sums[j] += output[j]. */ \
  X(f32_exponential_columns, void, \
    (size_t width, const float *offsets, const float *input, float *output, float *sums)) \
  /* output[o] = sum over t of weights[t * count + o] * input[indices[t * count + o]] */ \
  X(f32_resample_row, void, \
    (size_t count, size_t tap_count, const int32_t *indices, const float *weights, const float *input, \
     float *output)) \
  /* The two elements of an axis between which each coordinate lies: coordinate i is coordinates[2 * i], of \
     which -1...1 is the axis. What is not a number is 0. Where `stays_inside` coordinates beyond the first \
     and last element are theirs, else elements beyond have weight 0. */ \
  X(f32_linear_taps, void, \
    (size_t count, const float *coordinates, size_t length, bool aligns_corners, bool stays_inside, \
     int32_t *indices, float *weights)) \
  /* c[i * c_stride + j] = sum over k < depth of a[i * a_stride + k] * b[j * b_stride + k], added to what is \
     there where it accumulates. */ \
  X(f32_dot_products, void, \
    (size_t rows, size_t columns, size_t depth, const float *a, size_t a_stride, const float *b, \
     size_t b_stride, float *c, size_t c_stride, bool accumulates)) \
  X(f32_outer_products, void, (const struct ir_outer_products *products)) \
  /* sums[k] = sum over i < count of a[i] * b[i + k] for k < taps; taps in 1 ... 8. */ \
  X(f32_correlate, void, (size_t count, size_t taps, const float *a, const float *b, float *sums)) \
  /* sums[3 ky + kx] = sum over y, x of cotangent[y][x] * input[y + ky - 1][x + kx - 1], of planes */ \
  /* [height, width]; elements outside are 0, as `zeros` [width] is. */ \
  X(f32_depthwise_gradient_3x3, void, \
    (size_t height, size_t width, const float *input, const float *cotangent, const float *zeros, \
     float *sums)) \
  X(f32_layer_normalization_gradient, void, (const struct ir_layer_normalization_columns *columns)) \
  X(f32_from_f16, void, (size_t count, const uint16_t *input, float *output)) \
  X(f32_to_f16, void, (size_t count, const float *input, uint16_t *output)) \
  /* output[2 i] = even[i], output[2 i + 1] = odd[i] for i < count, and back. */ \
  X(f32_interleave, void, (size_t count, const float *even, const float *odd, float *output)) \
  X(f32_part, void, (size_t count, const float *pairs, float *even, float *odd))

#endif
