#include <string.h>

#include "ir_kernels.h"
#include "ir_resampling.h"
#include "parallel.h"

// A worker keeps the last few rows it resampled along x; an output row sums them along y.
enum { ROWS_OF_A_TASK = 32 };
static const size_t no_row = (size_t)-1;

struct resize_context {
  const struct ir_resize2d_params *params;
  const float *input;
  float *output;
  /// The taps along x, tap by tap.
  int32_t *indices;
  float *weights;
  char *workers;
  size_t row_blocks;
};

static size_t slot_count(const struct ir_resize2d_params *p) { return p->y.tap_count + 1; }

static size_t table_count(const struct ir_resize2d_params *p) {
  return ir_aligned_count(p->output_width * p->x.tap_count);
}

// Rows, then the input row each of them came from.
static size_t worker_bytes(const struct ir_resize2d_params *p) {
  size_t rows = slot_count(p) * ir_aligned_count(p->output_width) * sizeof(float);
  return rows + ir_aligned_count(slot_count(p) * 2) * sizeof(float);
}

size_t ir_resize2d_workspace(const struct ir_resize2d_params *p, int threads) {
  return 2 * table_count(p) * sizeof(float) + (size_t)threads * worker_bytes(p);
}

static void run_task(const void *context, size_t index, int thread) {
  const struct resize_context *c = context;
  const struct ir_resize2d_params *p = c->params;
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t slots = slot_count(p), width = p->output_width, row_size = ir_aligned_count(width);
  float *rows = (float *)(c->workers + (size_t)thread * worker_bytes(p));
  size_t *sources = (size_t *)(rows + slots * row_size);
  for (size_t i = 0; i < slots; i++) sources[i] = no_row;

  size_t plane = index / c->row_blocks, start = index % c->row_blocks * ROWS_OF_A_TASK;
  size_t end = ir_smaller(start + ROWS_OF_A_TASK, p->output_height);
  const float *input = c->input + plane * p->input_height * p->input_width;
  for (size_t y = start; y < end; y++) {
    float *output = c->output + (plane * p->output_height + y) * width;
    memset(output, 0, width * sizeof *output);
    for (size_t t = 0; t < p->y.tap_count; t++) {
      size_t source = (size_t)p->y.indices[y * p->y.tap_count + t], slot = source % slots;
      float *row = rows + slot * row_size;
      if (sources[slot] != source) {
        kernels->f32_resample_row(
          width, p->x.tap_count, c->indices, c->weights, input + source * p->input_width, row);
        sources[slot] = source;
      }
      kernels->f32_accumulate(width, p->y.weights[y * p->y.tap_count + t], row, 1, output);
    }
  }
}

void ir_resize2d(
  const struct ir_resize2d_params *params, const float *input, float *output, void *workspace, int threads) {
  const struct ir_resize2d_params *p = params;
  struct resize_context c = {
    .params = p,
    .input = input,
    .output = output,
    .indices = workspace,
    .row_blocks = ir_ceiling_divide(p->output_height, ROWS_OF_A_TASK),
  };
  if (!p->output_width) return;
  c.weights = (float *)workspace + table_count(p);
  c.workers = (char *)(c.weights + table_count(p));
  for (size_t x = 0; x < p->output_width; x++)
    for (size_t t = 0; t < p->x.tap_count; t++) {
      c.indices[t * p->output_width + x] = p->x.indices[x * p->x.tap_count + t];
      c.weights[t * p->output_width + x] = p->x.weights[x * p->x.tap_count + t];
    }
  ir_parallel_for(p->planes * c.row_blocks, threads, run_task, &c);
}
