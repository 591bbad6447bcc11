#include "gemm_block.h"

#include <assert.h>

#include "parallel.h"

struct ir_panels ir_panels_of(size_t rows) {
  size_t count = ir_ceiling_divide(rows, ir_kernels()->gemm_rows);
  if (!count) return (struct ir_panels){0, 0, 0};
  return (struct ir_panels){count, rows / count, rows % count};
}

size_t ir_panel_start(const struct ir_panels *panels, size_t panel) {
  return panel * panels->rows + ir_smaller(panel, panels->taller);
}

size_t ir_panel_rows(const struct ir_panels *panels, size_t panel) {
  return panels->rows + (panel < panels->taller);
}

void ir_pack_panels(
  size_t rows, size_t depth, const float *a, size_t row_stride, size_t column_stride, float *packed) {
  const struct ir_kernel_table *kernels = ir_kernels();
  struct ir_panels panels = ir_panels_of(rows);
  for (size_t p = 0; p < panels.count; p++) {
    size_t start = ir_panel_start(&panels, p), height = ir_panel_rows(&panels, p);
    const float *source = a + start * row_stride;
    float *target = packed + start * depth;
    if (column_stride == 1) {
      kernels->f32_transpose(depth, height, source, row_stride, target, height);
      continue;
    }
    for (size_t k = 0; k < depth; k++)
      for (size_t i = 0; i < height; i++) target[k * height + i] = source[i * row_stride + k * column_stride];
  }
}

void ir_gemm_block(const struct ir_gemm_block *block) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t width = kernels->gemm_columns;
  bool first = block->start == 0, last = block->start + block->depth == block->total_depth;
  for (size_t p = block->first_panel; p < block->last_panel; p++) {
    size_t row = ir_panel_start(&block->panels, p), rows = ir_panel_rows(&block->panels, p);
    struct ir_gemm_tile tile = {
      .rows = rows,
      .depth = block->depth,
      .a = block->a + row * block->total_depth + block->start * rows,
      .c_stride = block->c_stride,
      .alpha = last ? block->alpha : 1,
      .row_bias = last && block->row_bias ? block->row_bias + row : NULL,
      .activation = last ? block->activation : IR_ACTIVATION_NONE,
    };
    for (size_t j = 0; j < block->columns; j += width) {
      tile.columns = ir_smaller(width, block->columns - j);
      tile.b = block->b + j * block->depth;
      tile.c = block->c + row * block->c_stride + j;
      if (!first) {
        tile.initial = tile.c;
        tile.initial_stride = block->c_stride;
      } else if (block->residual) {
        tile.initial = block->residual + row * block->residual_stride + j;
        tile.initial_stride = block->residual_stride;
      }
      tile.column_bias = last && block->column_bias ? block->column_bias + j : NULL;
      kernels->f32_gemm(&tile);
    }
  }
}

size_t ir_depth_block(size_t depth) {
  const size_t most = 512;
  size_t count = ir_ceiling_divide(depth, most);
  return count ? ir_ceiling_divide(depth, count) : 0;
}

size_t ir_column_block_count(size_t depth) {
  size_t width = ir_kernels()->gemm_columns;
  assert(IR_COLUMN_BLOCK % width == 0);
  return ir_aligned_count(ir_depth_block(depth) * IR_COLUMN_BLOCK + width);
}
