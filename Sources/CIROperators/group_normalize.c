#include <assert.h>
#include <math.h>

#include "ir_kernels.h"
#include "ir_reduction.h"
#include "parallel.h"

// Statistics are taken in blocks of fixed size, whose sums are added in order in double.
enum { BLOCK = 16 * 1024 };

struct group_context {
  const struct ir_group_normalize_params *params;
  const float *input, *scale, *bias;
  float *output;
  size_t slice, blocks;
  float *partials, *means, *factors;
  enum ir_statistic kind;
};

static size_t slice_of(const struct ir_group_normalize_params *p) {
  assert(p->groups >= 1 && p->channels % p->groups == 0);
  return p->channels / p->groups * p->inner;
}

size_t ir_group_normalize_workspace(const struct ir_group_normalize_params *p, int threads) {
  (void)threads;
  size_t slices = p->batch * p->groups, blocks = ir_ceiling_divide(slice_of(p), BLOCK);
  return slices * (blocks + 2) * sizeof(float);
}

static void take_statistic(const void *context, size_t index, int thread) {
  (void)thread;
  const struct group_context *c = context;
  size_t slice = index / c->blocks, start = index % c->blocks * BLOCK;
  c->partials[index] = ir_kernels()->f32_statistic_row(
    c->kind, ir_smaller(BLOCK, c->slice - start), c->means[slice], c->input + slice * c->slice + start);
}

static void apply(const void *context, size_t index, int thread) {
  (void)thread;
  const struct group_context *c = context;
  const struct ir_group_normalize_params *p = c->params;
  size_t channel = index % p->channels;
  size_t slice = index / (p->channels / p->groups);
  float factor = c->factors[slice] * (c->scale ? c->scale[channel] : 1);
  float shift = (c->bias ? c->bias[channel] : 0) - c->means[slice] * factor;
  ir_kernels()->f32_scale_shift(
    p->inner, c->input + index * p->inner, factor, shift, NULL, IR_ACTIVATION_NONE,
    c->output + index * p->inner);
}

static double mean_of(const struct group_context *c, size_t slice) {
  double sum = 0;
  for (size_t i = 0; i < c->blocks; i++) sum += c->partials[slice * c->blocks + i];
  return sum / (double)c->slice;
}

void ir_group_normalize(
  const struct ir_group_normalize_params *params, const float *input, const float *scale, const float *bias,
  float *output, void *workspace, int threads) {
  const size_t slices = params->batch * params->groups, slice = slice_of(params);
  if (!slices || !slice) return;
  struct group_context c = {
    .params = params,
    .input = input,
    .scale = scale,
    .bias = bias,
    .output = output,
    .slice = slice,
    .blocks = ir_ceiling_divide(slice, BLOCK),
    .partials = workspace,
  };
  c.means = c.partials + slices * c.blocks;
  c.factors = c.means + slices;
  for (size_t i = 0; i < slices; i++) c.means[i] = 0;
  c.kind = IR_STATISTIC_SUM;
  ir_parallel_for(slices * c.blocks, threads, take_statistic, &c);
  for (size_t i = 0; i < slices; i++) c.means[i] = (float)mean_of(&c, i);
  c.kind = IR_STATISTIC_SUM_OF_SQUARED_DEVIATIONS;
  ir_parallel_for(slices * c.blocks, threads, take_statistic, &c);
  for (size_t i = 0; i < slices; i++) c.factors[i] = (float)(1 / sqrt(mean_of(&c, i) + params->epsilon));
  ir_parallel_for(params->batch * params->channels, threads, apply, &c);
}
