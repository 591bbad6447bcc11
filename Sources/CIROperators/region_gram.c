#include <math.h>
#include <string.h>

#include "parallel.h"
#include "region.h"

// Pixels whose channels are transposed before they are multiplied: those of both operands stay in a core's
// cache.
enum { GRAM_PIXELS = 128 };

// Sums of squares that are added up beside each other for a channel.
enum { MOST_WAYS = 8 };

// The sums of an instruction: products [groups][a][b], then the squares of x [groups * a] and of y [groups *
// b].
struct sums {
  size_t groups, a, b, products, count;
};

static struct sums sums_of(const struct ir_region_instruction *i) {
  struct sums s = {.groups = i->groups, .a = i->channels / i->groups, .b = i->depth / i->groups};
  s.products = s.groups * s.a * s.b;
  s.count = s.products + i->channels + i->depth;
  return s;
}

static size_t sums_count(const struct ir_region_instruction *i) { return sums_of(i).count; }

static size_t scratch_count(const struct ir_region_instruction *i) {
  const struct sums s = sums_of(i);
  // The pixels of a block, and the products of a panel or squares.
  const size_t rows = ir_kernels()->planar_rows;
  return GRAM_PIXELS * (s.a + s.b) +
    ir_aligned_count(ir_larger(s.b * ir_larger(rows, MOST_WAYS), rows * MOST_WAYS));
}

// Some pixels of a group: x as panels of planar_rows channels [pixels][channels], y as [pixels][b].
struct block {
  const struct sums *sums;
  float *x, *y, *part, *products, *x_squares, *y_squares;
  size_t pixels;
};

static void add_pixels(
  struct block *block, const float *x, size_t x_stride, const float *y, size_t y_stride, size_t count) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const struct sums *s = block->sums;
  for (size_t i = 0, rows; i < s->a; i += rows) {
    rows = ir_smaller(kernels->planar_rows, s->a - i);
    kernels->f32_transpose(
      count, rows, x + i * x_stride, x_stride, block->x + i * GRAM_PIXELS + block->pixels * rows, rows);
  }
  kernels->f32_transpose(count, s->b, y, y_stride, block->y + block->pixels * s->b, s->b);
  block->pixels += count;
}

static void add(float *sums, const float *part, size_t count) {
  struct ir_elementwise_operands operands = {.a = sums, .b = part, .output = sums};
  ir_kernels()->elementwise[IR_ELEMENTWISE_ADD](1, count, &operands);
}

// Pixels are taken as longer rows of several: many independent sums, then fewer.
static void add_squares(struct block *block, const float *pixels, size_t channels, float *squares) {
  size_t ways = 1;
  while (ways < MOST_WAYS && block->pixels % (2 * ways) == 0) ways *= 2;
  memset(block->part, 0, ways * channels * sizeof(float));
  ir_kernels()->f32_statistic_columns(
    IR_STATISTIC_SUM_OF_SQUARES, block->pixels / ways, ways * channels, NULL, pixels, ways * channels,
    block->part);
  for (; ways > 1; ways /= 2) add(block->part, block->part + ways / 2 * channels, ways / 2 * channels);
  add(squares, block->part, channels);
}

// Blocks are summed each for itself before they are added up: long sums lose digits.
static void multiply(struct block *block) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const struct sums *s = block->sums;
  if (!block->pixels) return;
  for (size_t i = 0, rows; i < s->a; i += rows) {
    rows = ir_smaller(kernels->planar_rows, s->a - i);
    const float *x = block->x + i * GRAM_PIXELS;
    struct ir_planar_product product = {
      .rows = rows,
      .depth = block->pixels,
      .columns = s->b,
      .kernel_height = 1,
      .kernel_width = 1,
      .dilation = 1,
      .weights = x,
      .input = {block->y},
      .input_stride = {s->b},
      .output = block->part,
      .output_stride = s->b,
    };
    kernels->f32_planar_product(&product);
    add(block->products + i * s->b, block->part, rows * s->b);
    add_squares(block, x, rows, block->x_squares + i);
  }
  add_squares(block, block->y, s->b, block->y_squares);
  block->pixels = 0;
}

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  const struct sums s = sums_of(i);
  float *sums = rows->sums;
  const struct ir_region_operand *x = &i->operands[0], *y = &i->operands[1];
  const size_t x_stride = ir_region_channel_stride(t, x), y_stride = ir_region_channel_stride(t, y);
  const size_t columns = rows->last_column - rows->first_column;
  struct block block = {
    .sums = &s,
    .x = t->scratch,
    .y = t->scratch + GRAM_PIXELS * s.a,
    .part = t->scratch + GRAM_PIXELS * (s.a + s.b),
    .products = sums,
    .x_squares = sums + s.products,
    .y_squares = sums + s.products + i->channels,
  };
  for (size_t group = 0; group < s.groups; group++) {
    for (size_t row = rows->first; row < rows->last; row++)
      for (size_t column = 0, count; column < columns; column += count) {
        const ptrdiff_t first = (ptrdiff_t)(rows->first_column + column);
        count = ir_smaller(GRAM_PIXELS - block.pixels, columns - column);
        add_pixels(
          &block, ir_region_pixel(t, x, group * s.a, row, first), x_stride,
          ir_region_pixel(t, y, group * s.b, row, first), y_stride, count);
        if (block.pixels == GRAM_PIXELS) multiply(&block);
      }
    multiply(&block);
    block.products += s.a * s.b;
    block.x_squares += s.a;
    block.y_squares += s.b;
  }
}

static void finish(
  const struct ir_region_instruction *i, const float *sums, size_t image, float *const *outputs) {
  const struct sums s = sums_of(i);
  const size_t counts[3] = {s.products, i->channels, i->depth};
  for (size_t k = 0; k < 3; sums += counts[k++]) {
    float *output = outputs[i->output.index + k] + image * counts[k];
    for (size_t j = 0; j < counts[k]; j++) output[j] = k ? sqrtf(sums[j]) : sums[j];
  }
}

const struct ir_region_operation ir_region_gram = {
  .run = run,
  .scratch_count = scratch_count,
  .sums_count = sums_count,
  .finish = finish,
};
