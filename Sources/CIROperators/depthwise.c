#include "depthwise.h"

#include <string.h>

#include "apply.h"
#include "parallel.h"
#include "sliding.h"

// Output rows of a task, and most taps whose places are known at a time.
enum { ROWS_OF_A_TASK = 32, MOST_TAPS = 256 };

// Columns of `step` in turn to the same row each: what a tap reads of a row lies side by side then.
struct phases {
  size_t rows, count, width;
};

struct depthwise_context {
  const struct ir_conv2d_params *params;
  const float *input, *weights, *bias, *residual;
  float *output, *workspace;
  size_t row_blocks;
};

bool ir_is_depthwise(const struct ir_conv2d_params *p) {
  return p->groups > 1 && p->input_channels == p->groups;
}

static bool is_3x3(const struct ir_conv2d_params *p) {
  return p->kernel_height == 3 && p->kernel_width == 3 && p->stride_y == 1 && p->stride_x == 1 &&
    p->dilation_y == 1 && p->dilation_x == 1 && p->pad_top == 1 && p->pad_left == 1 &&
    p->output_height == p->input_height && p->output_width == p->input_width;
}

// Of the rows that a task reads, with room for the last vector.
static struct phases phases_of(const struct ir_conv2d_params *p) {
  const size_t rows = ir_smaller(ROWS_OF_A_TASK, p->output_height);
  return (struct phases){
    .rows = (rows - 1) * p->stride_y + (p->kernel_height - 1) * p->dilation_y + 1,
    .count = p->stride_x,
    .width = ir_aligned_count(p->output_width + (p->kernel_width - 1) * p->dilation_x / p->stride_x) +
      ir_aligned_count(ir_kernels()->lanes),
  };
}

// A worker's floats: a row of zeros for the 3x3 kernel, all phases for the others.
static size_t worker_count(const struct ir_conv2d_params *p) {
  if (!p->output_height || is_3x3(p)) return ir_aligned_count(p->input_width);
  const struct phases phases = phases_of(p);
  return phases.rows * phases.count * phases.width;
}

size_t ir_depthwise_workspace(const struct ir_conv2d_params *p, int threads) {
  if (ir_depthwise_goes_by_lanes(p)) return ir_depthwise_lanes_workspace(p, threads);
  return (size_t)threads * worker_count(p) * sizeof(float);
}

struct plane {
  const float *input, *weights, *residual;
  float bias;
  float *output, *row;
};

static void rows_3x3(const struct ir_conv2d_params *p, const struct plane *plane, size_t start, size_t end) {
  const size_t width = p->input_width, height = p->input_height;
  struct ir_depthwise_rows rows = {
    .width = width,
    .weights = plane->weights,
    .bias = plane->bias,
    .activation = p->activation,
  };
  for (size_t y = start; y < end; y += rows.count) {
    rows.count = ir_smaller(2, end - y);
    for (size_t i = 0; i < rows.count + 2; i++) {
      bool inside = y + i >= 1 && y + i - 1 < height;
      rows.rows[i] = inside ? plane->input + (y + i - 1) * width : plane->row;
    }
    for (size_t i = 0; i < rows.count; i++) {
      rows.residual[i] = plane->residual ? plane->residual + (y + i) * width : NULL;
      rows.output[i] = plane->output + (y + i) * width;
    }
    ir_kernels()->f32_depthwise_3x3(&rows);
  }
}

// The columns of row `y` of the padded plane, phase by phase, with zeros around them.
static void split_row(
  const struct ir_conv2d_params *p, const struct plane *plane, size_t y, const struct phases *phases,
  float *target) {
  memset(target, 0, phases->count * phases->width * sizeof *target);
  if (y < p->pad_top || y - p->pad_top >= p->input_height) return;
  const float *row = plane->input + (y - p->pad_top) * p->input_width;
  const size_t step = phases->count;
  for (size_t phase = 0; phase < step; phase++, target += phases->width) {
    const size_t first = p->pad_left > phase ? ir_ceiling_divide(p->pad_left - phase, step) : 0;
    const size_t start = first * step + phase - p->pad_left;
    if (start >= p->input_width || first >= phases->width) continue;
    const size_t count = ir_smaller(ir_ceiling_divide(p->input_width - start, step), phases->width - first);
    ir_copy_steps(row + start, step, target + first, count);
  }
}

// Rows start ..< end of a convolution of any window, some taps at a time.
static void rows_general(
  const struct ir_conv2d_params *p, const struct plane *plane, size_t start, size_t end) {
  const struct phases phases = phases_of(p);
  const size_t row_count = phases.count * phases.width, taps = p->kernel_height * p->kernel_width;
  const size_t rows = (end - start - 1) * p->stride_y + (p->kernel_height - 1) * p->dilation_y + 1;
  for (size_t i = 0; i < rows; i++)
    split_row(p, plane, start * p->stride_y + i, &phases, plane->row + i * row_count);
  const float *inputs[MOST_TAPS];
  for (size_t y = start; y < end; y++) {
    float *output = plane->output + y * p->output_width;
    for (size_t first = 0; first < taps; first += MOST_TAPS) {
      const size_t count = ir_smaller(MOST_TAPS, taps - first);
      for (size_t k = 0; k < count; k++) {
        const size_t ky = (first + k) / p->kernel_width,
                     shift = (first + k) % p->kernel_width * p->dilation_x;
        inputs[k] = plane->row + ((y - start) * p->stride_y + ky * p->dilation_y) * row_count +
          shift % p->stride_x * phases.width + shift / p->stride_x;
      }
      const bool is_last = first + count == taps;
      const struct ir_depthwise_taps row = {
        .inputs = inputs,
        .weights = plane->weights + first,
        .count = count,
        .width = p->output_width,
        .bias = first ? 0 : plane->bias,
        .activation = is_last ? p->activation : IR_ACTIVATION_NONE,
        .residual = first   ? output
          : plane->residual ? plane->residual + y * p->output_width
                            : NULL,
        .output = output,
      };
      ir_kernels()->f32_depthwise_taps(&row);
    }
  }
}

static void run_task(const void *context, size_t index, int thread) {
  const struct depthwise_context *c = context;
  const struct ir_conv2d_params *p = c->params;
  size_t start = index % c->row_blocks * ROWS_OF_A_TASK, image_channel = index / c->row_blocks;
  size_t image = image_channel / p->output_channels, channel = image_channel % p->output_channels;
  size_t end = ir_smaller(start + ROWS_OF_A_TASK, p->output_height);
  size_t source = channel / (p->output_channels / p->groups) + image * p->input_channels;
  size_t output = image_channel * p->output_height * p->output_width;
  struct plane plane = {
    .input = c->input + source * p->input_height * p->input_width,
    .weights = c->weights + channel * p->kernel_height * p->kernel_width,
    .residual = c->residual ? c->residual + output : NULL,
    .bias = c->bias ? c->bias[channel] : 0,
    .output = c->output + output,
    .row = c->workspace + (size_t)thread * worker_count(p),
  };
  if (is_3x3(p)) {
    memset(plane.row, 0, p->input_width * sizeof(float));
    rows_3x3(p, &plane, start, end);
  } else {
    rows_general(p, &plane, start, end);
  }
  ir_apply(
    p->function, p->p, p->q, 1, (end - start) * p->output_width, plane.output + start * p->output_width,
    p->output_width);
}

void ir_depthwise(
  const struct ir_conv2d_params *params, const float *input, const float *weights, const float *bias,
  const float *residual, float *output, void *workspace, int threads) {
  if (ir_depthwise_goes_by_lanes(params)) {
    ir_depthwise_by_lanes(params, input, weights, bias, residual, output, workspace, threads);
    return;
  }
  struct depthwise_context context = {
    params,   input,  weights,   bias,
    residual, output, workspace, ir_ceiling_divide(params->output_height, ROWS_OF_A_TASK),
  };
  if (!params->output_width) return;
  size_t tasks = params->batch * params->output_channels * context.row_blocks;
  ir_parallel_for(tasks, threads, run_task, &context);
}
