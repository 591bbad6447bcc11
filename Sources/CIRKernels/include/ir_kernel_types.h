#ifndef IR_KERNEL_TYPES_H
#define IR_KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ir_depthwise_types.h"

/// c = activation(alpha * (initial + a * b) + row_bias + column_bias) for one register tile.
struct ir_gemm_tile {
  /// rows <= gemm_rows, columns <= gemm_columns.
  size_t rows, columns, depth;
  /// [depth][rows].
  const float *a;
  /// [depth][gemm_columns].
  const float *b;
  /// NULL is 0; may be `c`.
  const float *initial;
  size_t initial_stride;
  float *c;
  size_t c_stride;
  float alpha;
  const float *row_bias, *column_bias;
  enum ir_activation activation;
};

enum { IR_PLANAR_MAX_KERNEL = 15, IR_PLANAR_DEPTHWISE_ROWS = 4 };

/// Panels of planar_rows output channels that f32_planar_product cuts together into tiles of the height that
/// suits the width: of fewer, tiles are one panel high.
enum { IR_PLANAR_GROUPED_PANELS = 3 };

/// Rows of more tiles of planar_columns than these are long: their products are written a panel at a time.
enum { IR_PLANAR_LONG_ROW_TILES = 6 };

/// Cache lines that later work will need, asked for a few at a time while a kernel computes: `count` rows of
/// `lines` lines, `stride` bytes apart.
struct ir_prefetch_range {
  const char *start;
  size_t stride, lines, count;
};

enum { IR_PREFETCH_MAX_RANGES = 32, IR_CACHE_LINE = 64 };

struct ir_prefetch {
  struct ir_prefetch_range ranges[IR_PREFETCH_MAX_RANGES];
  size_t range_count;
  /// Rows at a time.
  size_t share;
  /// The next row.
  size_t range, row;
};

/// A row of a convolution's output, for some of its channels:
/// output[i][x] = activation(residual[i][x] + bias[i] + sum over (ty, tx, k) of
///   weights[ty][tx][k][i] * input[ty][k][x + tx * dilation]).
struct ir_planar_product {
  /// Output channels; input channels; output pixels.
  size_t rows, depth, columns;
  size_t kernel_height, kernel_width, dilation;
  /// [kernel_height][kernel_width][depth][planar_rows] for each panel of planar_rows channels; the last has
  /// the rest.
  const float *weights;
  /// For each row of the window its first channel and the step to the next; a row outside the
  /// image is a row of zeros with step 0.
  const float *input[IR_PLANAR_MAX_KERNEL];
  size_t input_stride[IR_PLANAR_MAX_KERNEL];
  /// NULL is 0; may be `output`.
  const float *residual;
  size_t residual_stride;
  const float *bias;
  enum ir_activation activation;
  float *output;
  size_t output_stride;
  /// Advanced with every panel; NULL: nothing.
  struct ir_prefetch *prefetch;
};

/// output[i][x] = activation(residual[i][x] + bias[i] + sum over k of weights[k][i] * input[k][x]), weights
/// and input being pairs of bfloat16: a float holds the bits of channel 2 k in its low half and of 2 k + 1 in
/// its high half. Sums are float32.
struct ir_planar_pairs_product {
  /// Output channels; pairs of input channels; output pixels.
  size_t rows, pairs, columns;
  /// [pairs][planar_rows] for each panel of planar_rows channels; the last has the rest.
  const float *weights;
  /// Rows of a multiple of `lanes` elements, `input_stride` apart.
  const float *input;
  size_t input_stride;
  /// NULL is 0; may be `output`.
  const float *residual;
  size_t residual_stride;
  const float *bias;
  enum ir_activation activation;
  float *output;
  size_t output_stride;
  /// Advanced with every panel; NULL: nothing.
  struct ir_prefetch *prefetch;
};

/// A row, or up to IR_PLANAR_DEPTHWISE_ROWS for 3x3 windows without dilation, of a depthwise convolution,
/// stride 1, for some channels.
struct ir_planar_depthwise {
  size_t channels, columns, count;
  size_t kernel_height, kernel_width, dilation;
  /// [channels][kernel_height][kernel_width], and [channels] or NULL.
  const float *weights, *bias;
  enum ir_activation activation;
  /// The rows of the windows of the first channel, from the column of the first tap on, and their steps to
  /// the next channel; a row outside the image is a row of zeros with step 0.
  const float *input[IR_PLANAR_MAX_KERNEL + IR_PLANAR_DEPTHWISE_ROWS - 1];
  size_t input_stride[IR_PLANAR_MAX_KERNEL + IR_PLANAR_DEPTHWISE_ROWS - 1];
  /// The columns of these rows that exist; the others are taken as 0 and never read. SIZE_MAX says that all
  /// do, and that two vectors more may be read.
  size_t first_column, last_column;
  /// The last `prefetched_rows` rows of each next channel are asked for: the hardware does not see them
  /// coming.
  size_t prefetched_rows;
  float *output[IR_PLANAR_DEPTHWISE_ROWS];
  size_t output_stride;
};

/// Side of the tiles of results of a Winograd convolution, and the points that a tile is evaluated at: six
/// rows of six. Rows are taken in pairs that share their sums: 0 and infinity, then each +-.
enum { IR_WINOGRAD_TILE = 4, IR_WINOGRAD_ROW_POINTS = 6, IR_WINOGRAD_POINTS = 36, IR_WINOGRAD_PAIRS = 3 };

/// Tiles side by side, whose results are `lanes` wide.
struct ir_winograd_strip {
  /// The first samples of the rows of the window of lanes + 2 columns and 6 rows, in a plane of the input.
  ptrdiff_t input_rows[IR_WINOGRAD_TILE + 2];
  /// Whether the window lies in the image; else the rows and columns of it that do.
  bool is_inside;
  size_t first_row, last_row, first_column, last_column;
  /// The results that lie in the image; none for a strip that only fills the vector.
  size_t output_offset, output_rows, output_columns;
  /// As output_offset, in a plane of the residual.
  size_t residual_offset;
};

/// Strips of the input at a pair of rows of points, for each channel. Four strips give a vector for each
/// point, in which lane 4 c + q is tile c of strip q; `vectors` of them lie side by side.
struct ir_winograd_input {
  size_t channels, vectors;
  /// Which pair of rows, below IR_WINOGRAD_PAIRS.
  size_t pair;
  const float *input;
  size_t plane_stride;
  /// 4 * vectors.
  const struct ir_winograd_strip *strips;
  /// For each of the 12 points of the pair, point_stride apart, [channels][vectors][lanes].
  float *output;
  size_t point_stride;
};

/// Results of strips from the products at all points, for some channels:
/// output = activation(residual + result + bias).
struct ir_winograd_output {
  size_t channels, vectors;
  /// For each channel, channel_stride apart, [points][vectors][lanes].
  const float *products;
  size_t channel_stride;
  const struct ir_winograd_strip *strips;
  /// NULL is 0; `residual` may be `output`.
  const float *bias, *residual;
  size_t residual_plane_stride, residual_row_stride;
  enum ir_activation activation;
  /// Of IR_ACTIVATION_LEAKY_RELU.
  float slope;
  float *output;
  size_t plane_stride, row_stride;
};

/// Weights of 3x3 windows at all points.
struct ir_winograd_weights {
  /// Output channels, of gemm_columns at most, and input channels.
  size_t rows, depth;
  /// For each row, row_stride apart, [depth][3][3].
  const float *weights;
  size_t row_stride;
  /// For each point, point_stride apart, in the order of IR_WINOGRAD_PAIRS, [depth][rows].
  float *output;
  size_t point_stride;
};

enum { IR_ATTENTION_MAX_TERMS = 2 };

/// Softmax attention of up to gemm_columns queries, which lie side by side:
/// output[e][i] = sum over j of w[j][i] * value[j][e], w the softmax over j of
/// sum over d of key[j][d] * query[d][i] + terms[j][i].
struct ir_attention_panel {
  /// Queries, of gemm_columns that are read and written; keys, at least 1; channels of queries and values.
  size_t columns, keys, depth, value_depth;
  /// [depth], query_stride apart.
  const float *query;
  size_t query_stride;
  /// Channel d of key j is key[j * key_step + d * key_depth_step].
  const float *key;
  size_t key_step, key_depth_step;
  const float *value;
  size_t value_step, value_depth_step;
  /// [keys][columns], term_stride apart; NULL is 0.
  const float *terms[IR_ATTENTION_MAX_TERMS];
  size_t term_stride;
  /// [keys][gemm_columns], scratch.
  float *scores;
  /// NULL if these are all keys. Else they are a part of them, and parts come one after the other:
  /// [2][gemm_columns], the largest score and the sum of weights of those before. `output` is complete with
  /// the last part.
  float *state;
  bool is_first, is_last;
  /// [value_depth], output_stride apart.
  float *output;
  size_t output_stride;
};

/// (x - mean) / sqrt(mean of squared deviations + epsilon) * scale + bias over the channels of each
/// pixel of a row; without `is_centred` the mean is taken as 0.
struct ir_planar_normalize {
  size_t channels, columns;
  bool is_centred;
  float epsilon;
  /// [channels] or NULL.
  const float *scale, *bias;
  const float *input;
  size_t input_stride;
  /// The input is far in memory, or its channels conflict in the cache: it is read once.
  bool is_far;
  float *output;
  size_t output_stride;
};

/// Columns of [axis][width] that a layer normalization took one by one: its derivatives.
struct ir_layer_normalization_columns {
  size_t axis, width, stride;
  float epsilon;
  const float *input, *cotangent;
  /// [axis] or NULL.
  const float *scale;
  /// NULL is 0; may be `output`.
  const float *addend;
  float *output;
  /// [axis][2]: the cotangent times the normalised input, and the cotangent, summed over the columns.
  float *sums;
  /// [axis][2][lanes], scratch.
  float *lane_sums;
};

/// Products of rows with vectors of columns, summed over pixels:
/// c[i][j] = sum over line < lines, k < depth of a[i][line * line_step + k] * b[line * depth + k][j].
struct ir_outer_products {
  /// 1 or 2 vectors are the columns.
  size_t rows, vectors;
  size_t lines, depth;
  const float *const *a;
  size_t line_step;
  /// [lines][depth][vectors * lanes].
  const float *b;
  /// [rows][vectors * lanes].
  float *c;
  /// Sums are added to what is there.
  bool accumulates;
};

enum ir_statistic {
  IR_STATISTIC_SUM,
  IR_STATISTIC_SUM_OF_SQUARES,
  IR_STATISTIC_SUM_OF_ABSOLUTES,
  IR_STATISTIC_MAXIMUM,
  IR_STATISTIC_MINIMUM,
  IR_STATISTIC_PRODUCT,
  /// The sum of exp(x - offset).
  IR_STATISTIC_SUM_OF_EXPONENTIALS,
  /// The sum of (x - offset)^2.
  IR_STATISTIC_SUM_OF_SQUARED_DEVIATIONS,
};

/// Operands of an elementwise kernel: output[i] = f(a[i], b[i], c[i]; p, q).
struct ir_elementwise_operands {
  const float *a, *b, *c;
  float *output;
  float p, q;
  /// Elements from row to row.
  size_t a_stride, b_stride, c_stride, output_stride;
};

typedef void (*ir_elementwise_kernel)(
  size_t rows, size_t columns, const struct ir_elementwise_operands *operands);

#endif
