#include "ir_attention.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "parallel.h"

// A task is all heads of some windows side by side, or some queries of one head of tokens. For each head, the
// operands are copied into a worker's share of the workspace: queries, and keys and values of feature maps,
// as [channel][token]; keys and values of tokens as [token][channel].
enum { WINDOW_COLUMNS = 32, ENOUGH_TASKS = 8 };

struct attention_plan {
  /// Rows and columns of windows; windows of a task, and tasks of a row.
  size_t down, across, group, groups;
  /// Panels of queries, and parts of tokens' panels.
  size_t panels, parts;
  /// Tokens of a channel in the workspace.
  size_t query_stride, key_stride;
  /// Floats for one window: queries, keys, values, results; and for the scores of a panel.
  size_t query_count, key_count, value_count, output_count, scores_count;
};

static bool has_windows(const struct ir_attention_params *p) { return p->window_height > 0; }

static struct attention_plan plan_of(const struct ir_attention_params *p) {
  const size_t width = ir_kernels()->gemm_columns;
  struct attention_plan plan = {.down = 1, .across = 1, .group = 1, .groups = 1, .parts = 1};
  plan.panels = ir_ceiling_divide(p->queries, width);
  if (has_windows(p)) {
    assert(p->height % p->window_height == 0 && p->width % p->window_width == 0);
    assert(p->queries == p->window_height * p->window_width && p->keys == p->queries);
    plan.down = p->height / p->window_height;
    plan.across = p->width / p->window_width;
    plan.group = ir_larger(1, ir_smaller(plan.across, WINDOW_COLUMNS / p->window_width));
    plan.groups = ir_ceiling_divide(plan.across, plan.group);
  } else if (p->images * p->heads > 0 && p->images * p->heads < ENOUGH_TASKS) {
    plan.parts = ir_ceiling_divide(ENOUGH_TASKS, p->images * p->heads);
    plan.parts = ir_larger(1, ir_smaller(plan.parts, plan.panels));
  }
  plan.query_stride = plan.panels * width;
  plan.key_stride = ir_aligned_count(p->keys);
  plan.query_count = ir_aligned_count(p->size * plan.query_stride);
  plan.key_count = ir_aligned_count(p->size * plan.key_stride);
  plan.value_count = ir_aligned_count(p->value_size * plan.key_stride);
  plan.output_count = ir_aligned_count(p->value_size * plan.query_stride);
  plan.scores_count = p->keys * width;
  return plan;
}

static size_t worker_count(const struct attention_plan *plan) {
  return plan->group * (plan->query_count + plan->key_count + plan->value_count + plan->output_count) +
    ir_aligned_count(plan->scores_count);
}

size_t ir_attention_workspace(const struct ir_attention_params *p, int threads) {
  struct attention_plan plan = plan_of(p);
  return (size_t)threads * worker_count(&plan) * sizeof(float);
}

struct attention_context {
  const struct ir_attention_params *params;
  struct attention_plan plan;
  const float *query, *key, *value;
  const float *const *terms;
  float *output, *workspace;
};

// A worker's share, for one head of the windows of a task.
struct attention_share {
  float *queries, *keys, *values, *outputs, *scores;
};

static struct attention_share share_of(const struct attention_context *c, int thread) {
  const struct attention_plan *plan = &c->plan;
  struct attention_share share;
  share.queries = c->workspace + (size_t)thread * worker_count(plan);
  share.keys = share.queries + plan->group * plan->query_count;
  share.values = share.keys + plan->group * plan->key_count;
  share.outputs = share.values + plan->group * plan->value_count;
  share.scores = share.outputs + plan->group * plan->output_count;
  return share;
}

// Floats from token to token of keys of tokens.
static size_t key_step(const struct ir_attention_params *p) {
  return p->is_bfloat16 ? ir_ceiling_divide(p->size, 2) : p->size;
}

// Queries and keys to pairs of channels, values to pairs of keys, in their place.
static void round_operands(
  const struct attention_context *c, const struct attention_share *share, size_t index) {
  const struct ir_attention_params *p = c->params;
  const struct attention_plan *plan = &c->plan;
  const struct ir_kernel_table *kernels = ir_kernels();
  float *queries = share->queries + index * plan->query_count;
  float *keys = share->keys + index * plan->key_count, *values = share->values + index * plan->value_count;
  kernels->bf16_pair_rows(p->size, plan->query_stride, queries, queries);
  if (has_windows(p)) {
    kernels->bf16_pairs(p->size, p->keys, keys, plan->key_stride, keys, plan->key_stride);
    for (size_t channel = 0; channel < p->value_size; channel++, values += plan->key_stride)
      kernels->bf16_pair_neighbours(p->keys, values, values);
    return;
  }
  for (size_t j = 0; j < p->keys; j++)
    kernels->bf16_pair_neighbours(p->size, keys + j * p->size, keys + j * key_step(p));
  kernels->bf16_pair_rows(p->keys, p->value_size, values, values);
}

// The panels first ..< last of queries of one head of one item of the batch; `index` is its place in the
// share.
static void attend(
  const struct attention_context *c, const struct attention_share *share, size_t index, size_t batch,
  size_t head, size_t first, size_t last) {
  const struct ir_attention_params *p = c->params;
  const struct attention_plan *plan = &c->plan;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t width = kernels->gemm_columns;
  const bool is_planar = has_windows(p);
  float *queries = share->queries + index * plan->query_count;
  if (p->scale != 1)
    kernels->f32_scale_shift(
      p->size * plan->query_stride, queries, p->scale, 0, NULL, IR_ACTIVATION_NONE, queries);
  if (p->is_bfloat16) round_operands(c, share, index);
  struct ir_attention_panel panel = {
    .keys = p->keys,
    .depth = p->size,
    .value_depth = p->value_size,
    .query_stride = plan->query_stride,
    .key = share->keys + index * plan->key_count,
    .key_step = is_planar ? 1 : key_step(p),
    .key_depth_step = is_planar ? plan->key_stride : 1,
    .value = share->values + index * plan->value_count,
    .value_step = is_planar ? 1 : p->value_size,
    .value_depth_step = is_planar ? plan->key_stride : 1,
    .term_stride = p->queries,
    .scores = share->scores,
    .output_stride = plan->query_stride,
  };
  for (size_t i = first; i < last; i++) {
    panel.columns = ir_smaller(width, p->queries - i * width);
    panel.query = queries + i * width;
    panel.output = share->outputs + index * plan->output_count + i * width;
    for (size_t t = 0; t < p->term_count; t++)
      panel.terms[t] =
        c->terms[t] + batch * p->terms[t].batch_stride + head * p->terms[t].head_stride + i * width;
    if (p->is_bfloat16) kernels->bf16_attention(&panel);
    else kernels->f32_attention(&panel);
  }
}

static void copy_floats(float *to, const float *from, size_t count) {
  // Windows of eight are the usual ones: a move, not a call.
  if (count == 8) memcpy(to, from, 8 * sizeof *to);
  else memcpy(to, from, count * sizeof *to);
}

// A row of a window: its start in a plane, and its columns before the right side of the feature map. The
// others continue at the left side.
struct window_row {
  size_t start, before_side;
};

struct window_rows {
  const struct ir_attention_params *params;
  size_t first, count, top;
};

static struct window_row row_of(const struct window_rows *rows, size_t window, size_t row) {
  const struct ir_attention_params *p = rows->params;
  // Both are below twice the side.
  size_t y = rows->top + row, x = (rows->first + window) * p->window_width + p->offset_x;
  if (y >= p->height) y -= p->height;
  if (x >= p->width) x -= p->width;
  return (struct window_row){y * p->width + x, ir_smaller(p->width - x, p->window_width)};
}

// The channels of a head, of all windows of a task, as [window][channel][token].
static void gather_windows(
  const struct window_rows *rows, const float *planes, size_t channels, size_t stride, size_t window_count,
  float *target) {
  const struct ir_attention_params *p = rows->params;
  for (size_t channel = 0; channel < channels; channel++)
    for (size_t row = 0; row < p->window_height; row++)
      for (size_t window = 0; window < rows->count; window++) {
        struct window_row place = row_of(rows, window, row);
        const float *source = planes + channel * p->height * p->width + place.start;
        float *to = target + window * window_count + channel * stride + row * p->window_width;
        copy_floats(to, source, place.before_side);
        if (place.before_side < p->window_width)
          copy_floats(
            to + place.before_side, source - (p->width - place.before_side),
            p->window_width - place.before_side);
      }
}

static void scatter_windows(
  const struct window_rows *rows, const float *source, size_t channels, size_t stride, size_t window_count,
  float *planes) {
  const struct ir_attention_params *p = rows->params;
  for (size_t channel = 0; channel < channels; channel++)
    for (size_t row = 0; row < p->window_height; row++)
      for (size_t window = 0; window < rows->count; window++) {
        struct window_row place = row_of(rows, window, row);
        float *target = planes + channel * p->height * p->width + place.start;
        const float *from = source + window * window_count + channel * stride + row * p->window_width;
        copy_floats(target, from, place.before_side);
        if (place.before_side < p->window_width)
          copy_floats(
            target - (p->width - place.before_side), from + place.before_side,
            p->window_width - place.before_side);
      }
}

static void run_windows(const void *context, size_t task, int thread) {
  const struct attention_context *c = context;
  const struct ir_attention_params *p = c->params;
  const struct attention_plan *plan = &c->plan;
  size_t group = task % plan->groups, row = task / plan->groups % plan->down;
  size_t image = task / plan->groups / plan->down, plane = p->height * p->width;
  struct window_rows rows = {
    .params = p,
    .first = group * plan->group,
    .top = row * p->window_height + p->offset_y,
  };
  rows.count = ir_smaller(plan->group, plan->across - rows.first);
  struct attention_share share = share_of(c, thread);
  // Lanes without a query are computed too: they must hold numbers.
  if (p->queries < plan->query_stride)
    memset(share.queries, 0, plan->group * plan->query_count * sizeof(float));
  for (size_t head = 0; head < p->heads; head++) {
    const float *query = c->query + (image * p->query.channels + p->query.first + head * p->size) * plane;
    const float *key = c->key + (image * p->key.channels + p->key.first + head * p->size) * plane;
    const float *value =
      c->value + (image * p->value.channels + p->value.first + head * p->value_size) * plane;
    gather_windows(&rows, query, p->size, plan->query_stride, plan->query_count, share.queries);
    gather_windows(&rows, key, p->size, plan->key_stride, plan->key_count, share.keys);
    gather_windows(&rows, value, p->value_size, plan->key_stride, plan->value_count, share.values);
    for (size_t window = 0; window < rows.count; window++) {
      size_t batch = (image * plan->down + row) * plan->across + rows.first + window;
      attend(c, &share, window, batch, head, 0, plan->panels);
    }
    float *output = c->output + (image * p->heads + head) * p->value_size * plane;
    scatter_windows(&rows, share.outputs, p->value_size, plan->query_stride, plan->output_count, output);
  }
}

static void gather_tokens(const float *source, size_t step, size_t count, size_t channels, float *target) {
  for (size_t i = 0; i < count; i++)
    memcpy(target + i * channels, source + i * step, channels * sizeof *target);
}

static void run_tokens(const void *context, size_t task, int thread) {
  const struct attention_context *c = context;
  const struct ir_attention_params *p = c->params;
  const struct attention_plan *plan = &c->plan;
  const struct ir_kernel_table *kernels = ir_kernels();
  size_t part = task % plan->parts, head = task / plan->parts % p->heads;
  size_t batch = task / plan->parts / p->heads;
  size_t first = plan->panels * part / plan->parts, last = plan->panels * (part + 1) / plan->parts;
  size_t start = first * kernels->gemm_columns;
  size_t count = ir_smaller(last * kernels->gemm_columns, p->queries) - start;
  struct attention_share share = share_of(c, thread);
  const float *query =
    c->query + (batch * p->queries + start) * p->query.channels + p->query.first + head * p->size;
  const float *key = c->key + batch * p->keys * p->key.channels + p->key.first + head * p->size;
  const float *value = c->value + batch * p->keys * p->value.channels + p->value.first + head * p->value_size;
  memset(share.queries, 0, plan->query_count * sizeof(float));
  kernels->f32_transpose(p->size, count, query, p->query.channels, share.queries + start, plan->query_stride);
  gather_tokens(key, p->key.channels, p->keys, p->size, share.keys);
  gather_tokens(value, p->value.channels, p->keys, p->value_size, share.values);
  attend(c, &share, 0, batch, head, first, last);
  size_t channels = p->heads * p->value_size;
  kernels->f32_transpose(
    count, p->value_size, share.outputs + start, plan->query_stride,
    c->output + (batch * p->queries + start) * channels + head * p->value_size, channels);
}

void ir_attention(
  const struct ir_attention_params *params, const float *query, const float *key, const float *value,
  const float *const *terms, float *output, void *workspace, int threads) {
  assert(params->term_count <= IR_ATTENTION_MAX_TERMS);
  struct attention_context context = {
    params, plan_of(params), query, key, value, terms, output, workspace,
  };
  const struct attention_plan *plan = &context.plan;
  if (!params->queries || !params->keys || !params->size || !params->value_size) return;
  if (has_windows(params))
    ir_parallel_for(params->images * plan->down * plan->groups, threads, run_windows, &context);
  else ir_parallel_for(params->images * params->heads * plan->parts, threads, run_tokens, &context);
}
