#include <math.h>

#include "ir_kernels.h"
#include "ir_resampling.h"
#include "parallel.h"

// A task makes the taps of some places once, and reads every channel with them.
enum { PLACES_OF_A_TASK = 256, MOST_TAPS = 16 };

struct grid_context {
  const struct ir_grid_sample_params *params;
  const float *input, *grid;
  float *output;
  char *workers;
  size_t blocks;
};

/// The elements that a coordinate reads along one axis.
struct taps {
  int count;
  size_t indices[4];
  float weights[4];
};

static size_t worker_bytes(void) { return PLACES_OF_A_TASK * MOST_TAPS * (sizeof(int32_t) + sizeof(float)); }

size_t ir_grid_sample_workspace(const struct ir_grid_sample_params *params, int threads) {
  (void)params;
  return (size_t)threads * worker_bytes();
}

static double reflected(double x, double low, double high) {
  double range = high - low;
  if (!(range > 0)) return low;
  double distance = x < low ? low - x : x > high ? x - high : 0;
  if (distance <= 0) return x;
  double turns = floor(distance / range), rest = distance - turns * range;
  bool starts_low = (x < low) == (fmod(turns, 2) == 0);
  return starts_low ? low + rest : high - rest;
}

static double bounded(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

static double cubic(double distance) {
  double d = fabs(distance), a = -0.75;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

static struct taps taps_of(const struct ir_grid_sample_params *p, float coordinate, size_t length) {
  const double extent = (double)length, last = extent - 1;
  // Beyond any input all coordinates are alike.
  double place = isnan(coordinate) ? 0 : bounded(coordinate, -0x1p30, 0x1p30);
  double x = p->aligns_corners ? (place + 1) / 2 * last : ((place + 1) * extent - 1) / 2;
  if (p->mode == IR_GRID_NEAREST) x = nearbyint(x);
  const double low = p->aligns_corners ? 0 : -0.5, high = p->aligns_corners ? last : extent - 0.5;
  if (p->padding == IR_GRID_BORDER && (x < low || x > high)) x = bounded(x, 0, last);
  if (p->padding == IR_GRID_REFLECTION) x = reflected(x, low, high);

  const double base = floor(x);
  struct taps taps = {.count = p->mode == IR_GRID_CUBIC ? 4 : p->mode == IR_GRID_LINEAR ? 2 : 1};
  for (int k = 0; k < taps.count; k++) {
    double position = p->mode == IR_GRID_NEAREST ? x : base + k - (p->mode == IR_GRID_CUBIC);
    double weight = 1;
    if (p->mode == IR_GRID_LINEAR) weight = k ? x - base : 1 - (x - base);
    if (p->mode == IR_GRID_CUBIC) weight = cubic(x - position);
    if (p->padding == IR_GRID_ZEROS && (position < 0 || position > last)) weight = 0;
    if (p->padding == IR_GRID_REFLECTION) position = reflected(position, low, high);
    taps.indices[k] = (size_t)bounded(position, 0, last);
    taps.weights[k] = (float)weight;
  }
  return taps;
}

// The taps of some places: tap t of place i is number t * count + i. Returns the number of taps.
static size_t any_taps(
  const struct ir_grid_sample_params *p, const float *places, size_t count, int32_t *indices,
  float *weights) {
  size_t tap_count = 1;
  for (size_t i = 0; i < count; i++) {
    struct taps columns = taps_of(p, places[2 * i], p->input_width);
    struct taps rows = taps_of(p, places[2 * i + 1], p->input_height);
    tap_count = (size_t)(rows.count * columns.count);
    for (int y = 0, t = 0; y < rows.count; y++)
      for (int x = 0; x < columns.count; x++, t++) {
        indices[(size_t)t * count + i] = (int32_t)(rows.indices[y] * p->input_width + columns.indices[x]);
        weights[(size_t)t * count + i] = rows.weights[y] * columns.weights[x];
      }
  }
  return tap_count;
}

// As `any_taps`, of places between four elements, with nothing reflected.
static size_t linear_taps(
  const struct ir_grid_sample_params *p, const float *places, size_t count, int32_t *indices,
  float *weights) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const bool stays_inside = p->padding == IR_GRID_BORDER;
  int32_t columns[2 * PLACES_OF_A_TASK], rows[2 * PLACES_OF_A_TASK];
  float column_weights[2 * PLACES_OF_A_TASK], row_weights[2 * PLACES_OF_A_TASK];
  kernels->f32_linear_taps(
    count, places, p->input_width, p->aligns_corners, stays_inside, columns, column_weights);
  kernels->f32_linear_taps(
    count, places + 1, p->input_height, p->aligns_corners, stays_inside, rows, row_weights);
  const int32_t width = (int32_t)p->input_width;
  for (size_t y = 0, t = 0; y < 2; y++)
    for (size_t x = 0; x < 2; x++, t++)
      for (size_t i = 0; i < count; i++) {
        indices[t * count + i] = rows[y * count + i] * width + columns[x * count + i];
        weights[t * count + i] = row_weights[y * count + i] * column_weights[x * count + i];
      }
  return 4;
}

static void run_task(const void *context, size_t index, int thread) {
  const struct grid_context *c = context;
  const struct ir_grid_sample_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  int32_t *indices = (int32_t *)(c->workers + (size_t)thread * worker_bytes());
  float *weights = (float *)(indices + PLACES_OF_A_TASK * MOST_TAPS);
  const size_t batch = index / c->blocks, start = index % c->blocks * PLACES_OF_A_TASK;
  const size_t count = ir_smaller(PLACES_OF_A_TASK, p->place_count - start);

  const float *places = c->grid + (batch * p->place_count + start) * 2;
  const bool is_linear = p->mode == IR_GRID_LINEAR && p->padding != IR_GRID_REFLECTION;
  const size_t tap_count = is_linear ? linear_taps(p, places, count, indices, weights)
                                     : any_taps(p, places, count, indices, weights);
  for (size_t channel = 0; channel < p->channels; channel++) {
    size_t plane = batch * p->channels + channel;
    kernels->f32_resample_row(
      count, tap_count, indices, weights, c->input + plane * p->input_height * p->input_width,
      c->output + plane * p->place_count + start);
  }
}

void ir_grid_sample(
  const struct ir_grid_sample_params *params, const float *input, const float *grid, float *output,
  void *workspace, int threads) {
  struct grid_context c = {
    .params = params,
    .input = input,
    .grid = grid,
    .output = output,
    .workers = workspace,
    .blocks = ir_ceiling_divide(params->place_count, PLACES_OF_A_TASK),
  };
  ir_parallel_for(params->batch * c.blocks, threads, run_task, &c);
}
