#ifndef IR_REDUCTION_H
#define IR_REDUCTION_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A dense tensor seen as [outer, axis, inner]; what happens, happens along `axis`.
struct ir_axis_view {
  size_t outer, axis, inner;
};

enum ir_normalization {
  /// (x - mean) / sqrt(variance + epsilon)
  IR_NORMALIZATION_LAYER,
  /// x / sqrt(mean of squares + epsilon)
  IR_NORMALIZATION_RMS,
  /// x / max(root of the sum of squares, epsilon)
  IR_NORMALIZATION_L2,
};

struct ir_normalize_params {
  struct ir_axis_view view;
  enum ir_normalization kind;
  float epsilon;
};

/// `scale` [axis] or NULL, `bias` [axis] or NULL. `output` may be `input`.
/// inner == 1 is the last axis; inner == height * width, outer == N: the channels of NCHW.
void ir_normalize(
  const struct ir_normalize_params *params, const float *input, const float *scale, const float *bias,
  float *output, int threads);

/// Group normalization of [batch, channels, inner]: each of `groups` runs of channels is
/// normalised on its own. groups == channels is instance normalization.
struct ir_group_normalize_params {
  size_t batch, channels, inner, groups;
  float epsilon;
};

/// `scale`, `bias` [channels] or NULL. `output` may be `input`.
void ir_group_normalize(
  const struct ir_group_normalize_params *params, const float *input, const float *scale, const float *bias,
  float *output, void *workspace, int threads);

/// The factor and the term [batch, channels] by which a channel times the one plus the other is normalised.
/// The workspace is that of ir_group_normalize.
void ir_group_statistics(
  const struct ir_group_normalize_params *params, const float *input, const float *scale, const float *bias,
  float *factors, float *terms, void *workspace, int threads);

size_t ir_group_normalize_workspace(const struct ir_group_normalize_params *params, int threads);

struct ir_softmax_params {
  struct ir_axis_view view;
  /// The logarithm of the softmax instead.
  bool logarithm;
};

/// `output` may be `input`.
void ir_softmax(const struct ir_softmax_params *params, const float *input, float *output, int threads);

enum ir_reduction {
  IR_REDUCTION_SUM,
  IR_REDUCTION_MEAN,
  IR_REDUCTION_MAX,
  IR_REDUCTION_MIN,
  IR_REDUCTION_PRODUCT,
  IR_REDUCTION_SUM_OF_SQUARES,
  IR_REDUCTION_L1,
  IR_REDUCTION_L2,
  IR_REDUCTION_LOG_SUM_EXP,
};

struct ir_reduce_params {
  struct ir_axis_view view;
  enum ir_reduction kind;
};

/// [outer, axis, inner] -> [outer, inner]. Global pooling is axis == height * width, inner == 1.
void ir_reduce(
  const struct ir_reduce_params *params, const float *input, float *output, void *workspace, int threads);

size_t ir_reduce_workspace(const struct ir_reduce_params *params, int threads);

#ifdef __cplusplus
}
#endif

#endif
