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

// Plane `index`, of all images, times a factor and plus a shift is normalised.
struct affine {
  float factor, shift;
};

static struct affine affine_of(const struct group_context *c, size_t index) {
  const struct ir_group_normalize_params *p = c->params;
  size_t channel = index % p->channels, slice = index / (p->channels / p->groups);
  float factor = c->factors[slice] * (c->scale ? c->scale[channel] : 1);
  return (struct affine){factor, (c->bias ? c->bias[channel] : 0) - c->means[slice] * factor};
}

static void apply(const void *context, size_t index, int thread) {
  (void)thread;
  const struct group_context *c = context;
  const size_t inner = c->params->inner;
  const struct affine a = affine_of(c, index);
  ir_kernels()->f32_scale_shift(
    inner, c->input + index * inner, a.factor, a.shift, NULL, IR_ACTIVATION_NONE, c->output + index * inner);
}

static double mean_of(const struct group_context *c, size_t slice) {
  double sum = 0;
  for (size_t i = 0; i < c->blocks; i++) sum += c->partials[slice * c->blocks + i];
  return sum / (double)c->slice;
}

// The statistics of all slices, in the workspace.
static struct group_context statistics_of(
  const struct ir_group_normalize_params *params, const float *input, const float *scale, const float *bias,
  void *workspace, int threads) {
  const size_t slices = params->batch * params->groups, slice = slice_of(params);
  struct group_context c = {
    .params = params,
    .input = input,
    .scale = scale,
    .bias = bias,
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
  return c;
}

void ir_group_normalize(
  const struct ir_group_normalize_params *params, const float *input, const float *scale, const float *bias,
  float *output, void *workspace, int threads) {
  if (!params->batch || !slice_of(params)) return;
  struct group_context c = statistics_of(params, input, scale, bias, workspace, threads);
  c.output = output;
  ir_parallel_for(params->batch * params->channels, threads, apply, &c);
}

void ir_group_statistics(
  const struct ir_group_normalize_params *params, const float *input, const float *scale, const float *bias,
  float *factors, float *terms, void *workspace, int threads) {
  if (!params->batch || !slice_of(params)) return;
  const struct group_context c = statistics_of(params, input, scale, bias, workspace, threads);
  for (size_t i = 0; i < params->batch * params->channels; i++) {
    const struct affine a = affine_of(&c, i);
    factors[i] = a.factor;
    terms[i] = a.shift;
  }
}
