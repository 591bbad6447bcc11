#include <string.h>

#include "depthwise.h"
#include "depthwise_gradient.h"
#include "ir_gradients.h"
#include "ir_kernels.h"
#include "parallel.h"

// A group is a product over the output pixels of all images: of channels of the cotangent and of inputs under
// each tap. One side is read where it lies, a number at a time; the other one is turned, so that its channels
// of a pixel are vectors. A chunk of pixels is turned at once. Parts are chunks one after another; their sums
// are added in order, whatever the threads.
enum {
  DEPTH_OF_A_CHUNK = 128,
  DEPTH_OF_A_CHUNK_OF_ROWS = 256,
  ENOUGH_TASKS = 8,
  MOST_VECTORS = 2,
};

enum side { IN_PLACE, PADDED, COPIED };

struct weight_plan {
  /// How the inputs are read that are not turned: a row of a padded copy is read under several taps.
  enum side side;
  /// The turned side is the input, the other one the cotangent; else the other way round.
  bool turns_input;
  /// Rows of the product, which are not turned; columns, which are, in blocks of `width`.
  size_t rows, columns, width, blocks, taps;
  /// A unit is a pixel or an output row: its pixels, those of an image, of a chunk.
  size_t unit, units, units_of_chunk;
  size_t chunks_of_image, chunks, parts;
  /// Of a channel's padded copy: elements of a row, rows of a chunk.
  size_t padded_width, padded_height;
};

static bool is_pointwise(const struct ir_conv2d_params *p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_y == 1 && p->stride_x == 1 &&
    p->pad_top == 0 && p->pad_left == 0 && p->output_height == p->input_height &&
    p->output_width == p->input_width;
}

static struct weight_plan plan_of(const struct ir_conv2d_params *p) {
  const size_t inputs = p->input_channels / p->groups, outputs = p->output_channels / p->groups;
  struct weight_plan plan = {.taps = p->kernel_height * p->kernel_width};
  const bool is_plain = is_pointwise(p);
  plan.side = is_plain ? IN_PLACE : p->stride_y == 1 && p->stride_x == 1 ? PADDED : COPIED;
  plan.turns_input = is_plain && inputs <= outputs;
  plan.rows = plan.turns_input ? outputs : inputs * plan.taps;
  plan.columns = plan.turns_input ? inputs : outputs;
  const size_t lanes = ir_kernels()->lanes;
  plan.width = lanes * ir_smaller(MOST_VECTORS, ir_larger(1, ir_ceiling_divide(plan.columns, lanes)));
  plan.blocks = ir_ceiling_divide(plan.columns, plan.width);
  plan.unit = is_plain ? 1 : p->output_width;
  plan.units = is_plain ? p->output_height * p->output_width : p->output_height;
  const size_t depth = is_plain ? DEPTH_OF_A_CHUNK : DEPTH_OF_A_CHUNK_OF_ROWS;
  plan.units_of_chunk = ir_smaller(ir_larger(1, plan.units), ir_larger(1, depth / ir_larger(1, plan.unit)));
  plan.chunks_of_image = ir_ceiling_divide(plan.units, plan.units_of_chunk);
  plan.chunks = p->batch * plan.chunks_of_image;
  const size_t wanted = ir_ceiling_divide(ENOUGH_TASKS, ir_larger(1, p->groups * plan.blocks));
  if (plan.chunks)
    plan.parts =
      ir_ceiling_divide(plan.chunks, ir_ceiling_divide(plan.chunks, ir_smaller(wanted, plan.chunks)));
  plan.padded_width = p->output_width + (p->kernel_width - 1) * p->dilation_x;
  plan.padded_height = plan.units_of_chunk + (p->kernel_height - 1) * p->dilation_y;
  return plan;
}

// Sums of a part of a group's block: [rows][width].
static size_t sums_count(const struct weight_plan *plan) { return plan->rows * plan->width; }
static size_t all_sums_count(const struct ir_conv2d_params *p, const struct weight_plan *plan) {
  return ir_aligned_count(p->groups * plan->blocks * plan->parts * sums_count(plan));
}

// Of a worker: a chunk of the turned side, what is copied of the other one, the places of its rows.
static size_t turned_count(const struct weight_plan *plan) {
  return ir_aligned_count(plan->units_of_chunk * plan->unit * plan->width);
}
static size_t copies_count(const struct weight_plan *plan) {
  switch (plan->side) {
    case IN_PLACE: return 0;
    case PADDED: return ir_aligned_count(plan->rows / plan->taps * plan->padded_width * plan->padded_height);
    default: return ir_aligned_count(plan->rows * plan->units_of_chunk * plan->unit);
  }
}
static size_t places_count(const struct weight_plan *plan) {
  return ir_aligned_count(plan->rows * sizeof(float *) / sizeof(float));
}
static size_t worker_count(const struct weight_plan *plan) {
  return turned_count(plan) + copies_count(plan) + places_count(plan);
}

size_t ir_conv2d_weight_gradient_workspace(const struct ir_conv2d_params *p, int threads) {
  if (ir_is_plain_depthwise(p)) return ir_depthwise_gradient_workspace(p, threads);
  struct weight_plan plan = plan_of(p);
  return (all_sums_count(p, &plan) + (size_t)threads * worker_count(&plan)) * sizeof(float);
}

struct weight_context {
  const struct ir_conv2d_params *params;
  struct weight_plan plan;
  const float *input, *cotangent;
  float *sums, *workers, *output;
};

// `width` elements of an input row, of which the first lies `first` elements before the row's start, `step`
// elements apart; zeros outside.
static void copy_row(
  const struct ir_conv2d_params *p, const float *row, size_t first, size_t width, size_t step,
  float *target) {
  size_t begin = ir_smaller(width, ir_ceiling_divide(first, step));
  size_t end = ir_smaller(width, ir_ceiling_divide(p->input_width + first, step));
  if (!row || begin >= end) {
    memset(target, 0, width * sizeof *target);
    return;
  }
  memset(target, 0, begin * sizeof *target);
  memset(target + end, 0, (width - end) * sizeof *target);
  const float *source = row + (begin * step - first);
  if (step == 1) memcpy(target + begin, source, (end - begin) * sizeof *target);
  else
    for (size_t x = begin; x < end; x++) target[x] = source[(x - begin) * step];
}

// The input row that lies `padded` rows behind the first row of padding; NULL outside.
static const float *row_of(const struct ir_conv2d_params *p, const float *plane, size_t padded) {
  const bool is_inside = padded >= p->pad_top && padded - p->pad_top < p->input_height;
  return is_inside ? plane + (padded - p->pad_top) * p->input_width : NULL;
}

// A chunk of an image: its units first ..< first + count.
struct chunk {
  size_t image, first, count;
};

static const float *input_plane(
  const struct weight_context *c, const struct chunk *chunk, size_t group, size_t channel) {
  const struct ir_conv2d_params *p = c->params;
  const size_t first = group * (p->input_channels / p->groups);
  return c->input + (chunk->image * p->input_channels + first + channel) * p->input_height * p->input_width;
}

static const float *cotangent_plane(
  const struct weight_context *c, const struct chunk *chunk, size_t group, size_t channel) {
  const struct ir_conv2d_params *p = c->params;
  const size_t first = group * (p->output_channels / p->groups);
  return c->cotangent +
    (chunk->image * p->output_channels + first + channel) * p->output_height * p->output_width;
}

// The rows of the product in a chunk: where they lie, or copies of them.
static void place_rows(
  const struct weight_context *c, const struct chunk *chunk, size_t group, float *copies,
  const float **places) {
  const struct ir_conv2d_params *p = c->params;
  const struct weight_plan *plan = &c->plan;
  if (plan->side == IN_PLACE) {
    for (size_t i = 0; i < plan->rows; i++)
      places[i] = chunk->first +
        (plan->turns_input ? cotangent_plane(c, chunk, group, i) : input_plane(c, chunk, group, i));
    return;
  }
  for (size_t channel = 0; channel < plan->rows / plan->taps; channel++, places += plan->taps) {
    const float *plane = input_plane(c, chunk, group, channel);
    const size_t width = plan->padded_width, rows = chunk->count + (p->kernel_height - 1) * p->dilation_y;
    if (plan->side == PADDED)
      for (size_t y = 0; y < rows; y++)
        copy_row(p, row_of(p, plane, chunk->first + y), p->pad_left, width, 1, copies + y * width);
    for (size_t tap = 0; tap < plan->taps; tap++) {
      const size_t dy = tap / p->kernel_width * p->dilation_y, dx = tap % p->kernel_width * p->dilation_x;
      if (plan->side == PADDED) {
        places[tap] = copies + dy * width + dx;
        continue;
      }
      places[tap] = copies;
      for (size_t y = 0; y < chunk->count; y++, copies += plan->unit) {
        const float *row = row_of(p, plane, (chunk->first + y) * p->stride_y + dy);
        // A tap right of the padding reads from inside the row on.
        const size_t skipped = dx > p->pad_left ? dx - p->pad_left : 0;
        struct ir_conv2d_params rest = *p;
        rest.input_width = p->input_width > skipped ? p->input_width - skipped : 0;
        const size_t before = p->pad_left > dx ? p->pad_left - dx : 0;
        copy_row(&rest, row ? row + skipped : NULL, before, plan->unit, p->stride_x, copies);
      }
    }
    if (plan->side == PADDED) copies += plan->padded_height * width;
  }
}

// A block of the turned side in a chunk.
static void turn(
  const struct weight_context *c, const struct chunk *chunk, size_t group, size_t block, float *turned) {
  const struct ir_conv2d_params *p = c->params;
  const struct weight_plan *plan = &c->plan;
  const size_t first = block * plan->width, columns = ir_smaller(plan->width, plan->columns - first);
  const float *planes =
    plan->turns_input ? input_plane(c, chunk, group, first) : cotangent_plane(c, chunk, group, first);
  const size_t depth = chunk->count * plan->unit;
  if (columns < plan->width) memset(turned, 0, depth * plan->width * sizeof *turned);
  ir_kernels()->f32_transpose(
    depth, columns, planes + chunk->first * plan->unit, p->output_height * p->output_width, turned,
    plan->width);
}

// The sums of a part of a block of a group.
static void run_part(const void *context, size_t index, int thread) {
  const struct weight_context *c = context;
  const struct weight_plan *plan = &c->plan;
  const size_t part = index % plan->parts, block = index / plan->parts % plan->blocks;
  const size_t group = index / plan->parts / plan->blocks;
  const size_t chunks = ir_ceiling_divide(plan->chunks, plan->parts);
  const size_t first = part * chunks, end = ir_smaller(first + chunks, plan->chunks);
  float *turned = c->workers + (size_t)thread * worker_count(plan), *copies = turned + turned_count(plan);
  const float **places = (const float **)(copies + copies_count(plan));
  for (size_t i = first; i < end; i++) {
    struct chunk chunk = {
      .image = i / plan->chunks_of_image, .first = i % plan->chunks_of_image * plan->units_of_chunk};
    chunk.count = ir_smaller(plan->units_of_chunk, plan->units - chunk.first);
    turn(c, &chunk, group, block, turned);
    place_rows(c, &chunk, group, copies, places);
    const struct ir_outer_products products = {
      .rows = plan->rows,
      .vectors = plan->width / ir_kernels()->lanes,
      .lines = plan->side == PADDED ? chunk.count : 1,
      .depth = plan->side == PADDED ? plan->unit : chunk.count * plan->unit,
      .a = places,
      .line_step = plan->padded_width,
      .b = turned,
      .c = c->sums + index * sums_count(plan),
      .accumulates = i > first,
    };
    ir_kernels()->f32_outer_products(&products);
  }
}

// The weights of a block of a group, from the sums of its parts.
static void finish(const void *context, size_t index, int thread) {
  (void)thread;
  const struct weight_context *c = context;
  const struct weight_plan *plan = &c->plan;
  const size_t count = sums_count(plan), group = index / plan->blocks,
               first = index % plan->blocks * plan->width;
  const size_t columns = ir_smaller(plan->width, plan->columns - first);
  float *sums = c->sums + index * plan->parts * count;
  for (size_t part = 1; part < plan->parts; part++) {
    struct ir_elementwise_operands operands = {.a = sums, .b = sums + part * count, .output = sums};
    ir_kernels()->elementwise[IR_ELEMENTWISE_ADD](1, count, &operands);
  }
  float *output = c->output + group * plan->rows * plan->columns;
  if (plan->turns_input) {
    for (size_t i = 0; i < plan->rows; i++)
      memcpy(output + i * plan->columns + first, sums + i * plan->width, columns * sizeof *output);
  } else {
    ir_kernels()->f32_transpose(
      columns, plan->rows, sums, plan->width, output + first * plan->rows, plan->rows);
  }
}

void ir_conv2d_weight_gradient(
  const struct ir_conv2d_params *params, const float *input, const float *cotangent, float *output,
  void *workspace, int threads) {
  if (ir_is_plain_depthwise(params)) {
    ir_depthwise_gradient(params, input, cotangent, output, workspace, threads);
    return;
  }
  struct weight_context context = {
    .params = params,
    .plan = plan_of(params),
    .input = input,
    .cotangent = cotangent,
    .sums = workspace,
    .output = output,
  };
  const struct weight_plan *plan = &context.plan;
  context.workers = context.sums + all_sums_count(params, plan);
  if (!plan->parts || !plan->unit) {
    memset(output, 0, params->groups * plan->rows * plan->columns * sizeof *output);
    return;
  }
  ir_parallel_for(params->groups * plan->blocks * plan->parts, threads, run_part, &context);
  ir_parallel_for(params->groups * plan->blocks, threads, finish, &context);
}
