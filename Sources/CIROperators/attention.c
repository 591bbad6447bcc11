#include "ir_attention.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "attention_windows.h"
#include "parallel.h"

// A task is some heads of some windows side by side, or some queries of one head of tokens. For each head,
// the operands are copied into a worker's share of the workspace: queries, and keys and values of feature
// maps, as [channel][token]; keys and values of tokens as [token][channel], unless they lie so already.
enum {
  WINDOW_COLUMNS = 128,
  LEAST_WINDOW_COLUMNS = 32,
  ENOUGH_TASKS = 8,
  ENOUGH_WINDOW_TASKS = 32,
  // Keys that all panels of a task meet before the next ones are read; an even number.
  PART_KEYS = 256,
};

// Windows of a task: as many as are read in long rows, and fewer where there would be few tasks.
static size_t windows_of_task(const struct ir_attention_params *p, size_t down, size_t across) {
  const size_t most = ir_larger(1, WINDOW_COLUMNS / p->window_width);
  const size_t least = ir_larger(1, LEAST_WINDOW_COLUMNS / p->window_width);
  const size_t wanted = ir_ceiling_divide(ENOUGH_WINDOW_TASKS, ir_larger(1, p->images * down));
  const size_t balanced = ir_larger(least, across / wanted);
  return ir_smaller(across, ir_smaller(most, balanced));
}

struct attention_plan {
  /// Rows and columns of windows; windows of a task, tasks of a row, and parts of the heads.
  size_t down, across, group, groups, head_parts;
  /// Panels of queries, and parts of tokens' panels with the most panels of one.
  size_t panels, parts, part_panels;
  /// Tokens of a channel in the workspace.
  size_t query_stride, key_stride;
  /// Floats for one window: queries, keys, values, results; for the scores of a panel; and for what panels
  /// keep from one part of the keys to the next.
  size_t query_count, key_count, value_count, output_count, scores_count, states_count;
};

static bool has_windows(const struct ir_attention_params *p) { return p->window_height > 0; }

// Keys or values of tokens that follow each other without other channels.
static bool is_read_in_place(
  const struct ir_attention_params *p, const struct ir_attention_operand *operand, size_t channels) {
  return !has_windows(p) && !p->is_bfloat16 && operand->channels == channels;
}

// Floats from channel to channel: at multiples of CONFLICTING the channels of a token lie in lines that take
// each other's place in the cache.
static size_t channel_stride(size_t tokens) {
  enum { CONFLICTING = 256, LINE = 16 };
  return tokens % CONFLICTING ? tokens : tokens + LINE;
}

static struct attention_plan plan_of(const struct ir_attention_params *p) {
  const size_t width = ir_kernels()->gemm_columns;
  struct attention_plan plan = {.down = 1, .across = 1, .group = 1, .groups = 1, .head_parts = 1, .parts = 1};
  plan.panels = ir_ceiling_divide(p->queries, width);
  if (has_windows(p)) {
    assert(p->height % p->window_height == 0 && p->width % p->window_width == 0);
    assert(p->queries == p->window_height * p->window_width && p->keys == p->queries);
    plan.down = p->height / p->window_height;
    plan.across = p->width / p->window_width;
    plan.group = ir_larger(1, windows_of_task(p, plan.down, plan.across));
    plan.groups = ir_ceiling_divide(plan.across, plan.group);
    const size_t tasks = ir_larger(1, p->images * plan.down * plan.groups);
    plan.head_parts = ir_larger(1, ir_smaller(p->heads, ir_ceiling_divide(ENOUGH_TASKS, tasks)));
  } else if (p->images * p->heads > 0 && p->images * p->heads < ENOUGH_TASKS) {
    plan.parts = ir_ceiling_divide(ENOUGH_TASKS, p->images * p->heads);
    plan.parts = ir_larger(1, ir_smaller(plan.parts, plan.panels));
  }
  plan.part_panels = ir_ceiling_divide(plan.panels, plan.parts);
  plan.query_stride = channel_stride(plan.part_panels * width);
  plan.key_stride = channel_stride(ir_aligned_count(p->keys));
  plan.query_count = ir_aligned_count(p->size * plan.query_stride);
  plan.key_count = is_read_in_place(p, &p->key, p->size) ? 0 : ir_aligned_count(p->size * plan.key_stride);
  plan.value_count =
    is_read_in_place(p, &p->value, p->value_size) ? 0 : ir_aligned_count(p->value_size * plan.key_stride);
  plan.output_count = ir_aligned_count(p->value_size * plan.query_stride);
  plan.scores_count = ir_aligned_count(ir_smaller(p->keys, PART_KEYS) * width);
  plan.states_count = p->keys > PART_KEYS ? plan.part_panels * 2 * width : 0;
  return plan;
}

static size_t worker_count(const struct attention_plan *plan) {
  return plan->group * (plan->query_count + plan->key_count + plan->value_count + plan->output_count) +
    plan->scores_count + plan->states_count;
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

// A worker's share, for one head of the windows of a task. Keys and values are read at `read_keys` and
// `read_values`, from there on or in the operands.
struct attention_share {
  float *queries, *keys, *values, *outputs, *scores, *states;
  const float *read_keys, *read_values;
};

static struct attention_share share_of(const struct attention_context *c, int thread) {
  const struct attention_plan *plan = &c->plan;
  struct attention_share share;
  share.queries = c->workspace + (size_t)thread * worker_count(plan);
  share.keys = share.queries + plan->group * plan->query_count;
  share.values = share.keys + plan->group * plan->key_count;
  share.outputs = share.values + plan->group * plan->value_count;
  share.scores = share.outputs + plan->group * plan->output_count;
  share.states = share.scores + plan->scores_count;
  share.read_keys = share.keys;
  share.read_values = share.values;
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

// The panels first ..< last of queries of one head of one item of the batch, which the share has; `index` is
// the place of that in the share.
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
    .depth = p->size,
    .value_depth = p->value_size,
    .query_stride = plan->query_stride,
    .key_step = is_planar ? 1 : key_step(p),
    .key_depth_step = is_planar ? plan->key_stride : 1,
    .value_step = is_planar ? 1 : p->value_size,
    .value_depth_step = is_planar ? plan->key_stride : 1,
    .term_stride = p->queries,
    .scores = share->scores,
    .output_stride = plan->query_stride,
  };
  for (size_t key = 0; key < p->keys && !ir_is_ended(); key += PART_KEYS) {
    panel.keys = ir_smaller(PART_KEYS, p->keys - key);
    panel.key = share->read_keys + index * plan->key_count + key * panel.key_step;
    panel.value =
      share->read_values + index * plan->value_count + (p->is_bfloat16 ? key / 2 : key) * panel.value_step;
    panel.is_first = key == 0;
    panel.is_last = key + panel.keys == p->keys;
    for (size_t i = first; i < last; i++) {
      panel.columns = ir_smaller(width, p->queries - i * width);
      panel.query = queries + (i - first) * width;
      panel.output = share->outputs + index * plan->output_count + (i - first) * width;
      panel.state = plan->states_count ? share->states + (i - first) * 2 * width : NULL;
      for (size_t t = 0; t < p->term_count; t++)
        panel.terms[t] = c->terms[t] + batch * p->terms[t].batch_stride + head * p->terms[t].head_stride +
          key * p->queries + i * width;
      if (p->is_bfloat16) kernels->bf16_attention(&panel);
      else kernels->f32_attention(&panel);
    }
  }
}

static void run_windows(const void *context, size_t task, int thread) {
  const struct attention_context *c = context;
  const struct ir_attention_params *p = c->params;
  const struct attention_plan *plan = &c->plan;
  const size_t part = task % plan->head_parts;
  task /= plan->head_parts;
  size_t group = task % plan->groups, row = task / plan->groups % plan->down;
  size_t image = task / plan->groups / plan->down, plane = p->height * p->width;
  struct ir_window_rows rows = {
    .params = p,
    .first = group * plan->group,
    .top = row * p->window_height + p->offset_y,
  };
  rows.count = ir_smaller(plan->group, plan->across - rows.first);
  struct attention_share share = share_of(c, thread);
  // Lanes without a query are computed too: they must hold numbers.
  if (p->queries < plan->query_stride)
    memset(share.queries, 0, plan->group * plan->query_count * sizeof(float));
  const size_t last_head = p->heads * (part + 1) / plan->head_parts;
  for (size_t head = p->heads * part / plan->head_parts; head < last_head; head++) {
    const float *query = c->query + (image * p->query.channels + p->query.first + head * p->size) * plane;
    const float *key = c->key + (image * p->key.channels + p->key.first + head * p->size) * plane;
    const float *value =
      c->value + (image * p->value.channels + p->value.first + head * p->value_size) * plane;
    ir_gather_windows(&rows, query, p->size, plan->query_stride, plan->query_count, share.queries);
    ir_gather_windows(&rows, key, p->size, plan->key_stride, plan->key_count, share.keys);
    ir_gather_windows(&rows, value, p->value_size, plan->key_stride, plan->value_count, share.values);
    for (size_t window = 0; window < rows.count; window++) {
      size_t batch = (image * plan->down + row) * plan->across + rows.first + window;
      attend(c, &share, window, batch, head, 0, plan->panels);
    }
    float *output = c->output + (image * p->heads + head) * p->value_size * plane;
    ir_scatter_windows(&rows, share.outputs, p->value_size, plan->query_stride, plan->output_count, output);
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
  kernels->f32_transpose(p->size, count, query, p->query.channels, share.queries, plan->query_stride);
  if (plan->key_count) gather_tokens(key, p->key.channels, p->keys, p->size, share.keys);
  else share.read_keys = key;
  if (plan->value_count) gather_tokens(value, p->value.channels, p->keys, p->value_size, share.values);
  else share.read_values = value;
  attend(c, &share, 0, batch, head, first, last);
  size_t channels = p->heads * p->value_size;
  kernels->f32_transpose(
    count, p->value_size, share.outputs, plan->query_stride,
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
    ir_parallel_for(
      params->images * plan->down * plan->groups * plan->head_parts, threads, run_windows, &context);
  else ir_parallel_for(params->images * params->heads * plan->parts, threads, run_tokens, &context);
}
