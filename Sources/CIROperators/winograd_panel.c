#include "winograd_panel.h"

#include <assert.h>

#include "parallel.h"

size_t ir_winograd_vectors(void) { return ir_kernels()->gemm_columns / ir_kernels()->lanes; }

// Both are odd numbers of cache lines, so that the rows of a product do not share a set of the cache.
size_t ir_winograd_input_stride(size_t depth) {
  return ir_aligned_count(depth * ir_kernels()->gemm_columns) | 16;
}

size_t ir_winograd_products_stride(void) {
  return ir_aligned_count(IR_WINOGRAD_POINTS * ir_kernels()->gemm_columns) | 16;
}

// The input at a pair of rows of points.
static size_t input_count(size_t depth) {
  return ir_aligned_count(2 * IR_WINOGRAD_ROW_POINTS * ir_winograd_input_stride(depth));
}

size_t ir_winograd_scratch_count(size_t depth, size_t channels, bool is_bfloat16) {
  return input_count(ir_packed_depth(depth, is_bfloat16)) + channels * ir_winograd_products_stride();
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
  const size_t depth = ir_packed_depth(p->depth, p->is_bfloat16);
  const size_t last_panel = p->rows.count - 1;
  // From point to point of the weights.
  const size_t stride = depth * (ir_panel_start(&p->rows, last_panel) + ir_panel_rows(&p->rows, last_panel));
  float *products = p->scratch + input_count(depth);
  for (size_t pair = 0; pair < IR_WINOGRAD_PAIRS; pair++) {
    const struct ir_winograd_input input = {
      .channels = p->depth,
      .vectors = vectors,
      .pair = pair,
      .input = p->input,
      .plane_stride = p->input_plane_stride,
      .strips = p->strips,
      .output = p->scratch,
      .point_stride = ir_winograd_input_stride(depth),
    };
    if (p->is_bfloat16) kernels->bf16_winograd_input(&input);
    else kernels->f32_winograd_input(&input);
    for (size_t i = 0; i < 2 * IR_WINOGRAD_ROW_POINTS; i++) {
      const size_t point = pair * 2 * IR_WINOGRAD_ROW_POINTS + i;
      for (size_t r = p->first_panel; r < p->last_panel; r++) {
        const size_t row = ir_panel_start(&p->rows, r);
        const struct ir_gemm_tile tile = {
          .rows = ir_panel_rows(&p->rows, r),
          .columns = width,
          .depth = depth,
          .a = p->weights + point * stride + row * depth,
          .b = p->scratch + i * ir_winograd_input_stride(depth),
          .c = products + (row - first) * ir_winograd_products_stride() + point * width,
          .c_stride = ir_winograd_products_stride(),
          .alpha = 1,
        };
        if (p->is_bfloat16) kernels->bf16_gemm(&tile);
        else kernels->f32_gemm(&tile);
      }
    }
  }
  struct ir_winograd_output output = p->output;
  output.channels = ir_panel_start(&p->rows, p->last_panel) - first;
  output.vectors = vectors;
  output.strips = p->strips;
  output.products = products;
  output.channel_stride = ir_winograd_products_stride();
  kernels->f32_winograd_output(&output);
}
