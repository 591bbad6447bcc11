#include "winograd_panel.h"

#include <assert.h>

#include "parallel.h"

size_t ir_winograd_vectors(void) { return ir_kernels()->gemm_columns / ir_kernels()->lanes; }

// Floats from point to point of the evaluated input, and from channel to channel of the products: an odd
// number of cache lines, so that the rows of a product do not share a set of the cache.
static size_t input_stride(size_t depth) { return ir_aligned_count(depth * ir_kernels()->gemm_columns) | 16; }
static size_t products_stride(void) {
  return ir_aligned_count(IR_WINOGRAD_POINTS * ir_kernels()->gemm_columns) | 16;
}

// The input at a pair of rows of points.
static size_t input_count(size_t depth) {
  return ir_aligned_count(2 * IR_WINOGRAD_ROW_POINTS * input_stride(depth));
}

size_t ir_winograd_scratch_count(size_t depth, size_t channels) {
  return input_count(depth) + channels * products_stride();
}

// The samples of a window from `start` on that lie in 0 ..< extent.
static void clip_window(ptrdiff_t start, size_t size, size_t extent, size_t *first, size_t *last) {
  ptrdiff_t end = (ptrdiff_t)extent - start;
  *first = start < 0 ? ir_smaller((size_t)-start, size) : 0;
  *last = end < 0 ? 0 : ir_smaller((size_t)end, size);
}

void ir_winograd_clip(
  struct ir_winograd_strip *strip, ptrdiff_t top, ptrdiff_t left, size_t height, size_t width) {
  const size_t columns = ir_kernels()->lanes + 2;
  clip_window(top, IR_WINOGRAD_WINDOW, height, &strip->first_row, &strip->last_row);
  clip_window(left, columns, width, &strip->first_column, &strip->last_column);
  strip->is_inside = strip->first_row == 0 && strip->last_row == IR_WINOGRAD_WINDOW &&
    strip->first_column == 0 && strip->last_column == columns;
}

void ir_winograd_run(const struct ir_winograd_panel *p) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t vectors = ir_winograd_vectors(), width = kernels->gemm_columns;
  assert(IR_WINOGRAD_STRIPS * vectors <= IR_WINOGRAD_MAX_STRIPS);
  const size_t first = ir_panel_start(&p->rows, p->first_panel);
  float *products = p->scratch + input_count(p->depth);
  for (size_t pair = 0; pair < IR_WINOGRAD_PAIRS; pair++) {
    kernels->f32_winograd_input(&(struct ir_winograd_input){
      .channels = p->depth,
      .vectors = vectors,
      .pair = pair,
      .input = p->input,
      .plane_stride = p->input_plane_stride,
      .strips = p->strips,
      .output = p->scratch,
      .point_stride = input_stride(p->depth),
    });
    for (size_t i = 0; i < 2 * IR_WINOGRAD_ROW_POINTS; i++) {
      const size_t point = pair * 2 * IR_WINOGRAD_ROW_POINTS + i;
      for (size_t r = p->first_panel; r < p->last_panel; r++) {
        const size_t row = ir_panel_start(&p->rows, r);
        kernels->f32_gemm(&(struct ir_gemm_tile){
          .rows = ir_panel_rows(&p->rows, r),
          .columns = width,
          .depth = p->depth,
          .a = p->weights + point * p->weights_stride + row * p->depth,
          .b = p->scratch + i * input_stride(p->depth),
          .c = products + (row - first) * products_stride() + point * width,
          .c_stride = products_stride(),
          .alpha = 1,
        });
      }
    }
  }
  struct ir_winograd_output output = p->output;
  output.channels = ir_panel_start(&p->rows, p->last_panel) - first;
  output.vectors = vectors;
  output.strips = p->strips;
  output.products = products;
  output.channel_stride = products_stride();
  kernels->f32_winograd_output(&output);
}
