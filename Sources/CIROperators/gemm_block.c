#include "gemm_block.h"

#include <assert.h>
#include <string.h>

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

// Fewer rows are no part.
enum { FEWEST_PART_ROWS = 48 };

size_t ir_panel_parts(const struct ir_panels *panels, size_t tasks, size_t enough) {
  const size_t wanted = tasks ? ir_ceiling_divide(enough, tasks) : 1;
  const size_t fitting = ir_panel_start(panels, panels->count) / FEWEST_PART_ROWS;
  return ir_larger(1, ir_smaller(ir_smaller(wanted, fitting), panels->count));
}

size_t ir_packed_depth(size_t depth, bool is_bfloat16) {
  return is_bfloat16 ? ir_ceiling_divide(depth, 2) : depth;
}

void ir_write_panel(size_t rows, size_t depth, const float *panel, bool is_bfloat16, float *packed) {
  if (is_bfloat16) ir_kernels()->bf16_pair_rows(depth, rows, panel, packed);
  else memcpy(packed, panel, rows * depth * sizeof *packed);
}

// Rows that lie side by side, as pixels do. `rows` is a constant at every call, so that no copy is a loop.
static inline void copy_rows(size_t rows, size_t depth, const float *a, size_t stride, float *panel) {
  for (size_t k = 0; k < depth; k++) memcpy(panel + k * rows, a + k * stride, rows * sizeof *panel);
}

static void pack_near_rows(size_t rows, size_t depth, const float *a, size_t stride, float *panel) {
  // clang-format off
  switch (rows) {
    case 1: copy_rows(1, depth, a, stride, panel); return;
    case 2: copy_rows(2, depth, a, stride, panel); return;
    case 3: copy_rows(3, depth, a, stride, panel); return;
    case 4: copy_rows(4, depth, a, stride, panel); return;
    case 5: copy_rows(5, depth, a, stride, panel); return;
    case 6: copy_rows(6, depth, a, stride, panel); return;
    case 12: copy_rows(12, depth, a, stride, panel); return;
    case 13: copy_rows(13, depth, a, stride, panel); return;
    case 14: copy_rows(14, depth, a, stride, panel); return;
    default: copy_rows(rows, depth, a, stride, panel); return;
  }
  // clang-format on
}

// Rows that lie `row_stride` apart to a panel.
static void pack_panel(
  size_t rows, size_t depth, const float *a, size_t row_stride, size_t column_stride, float *panel) {
  if (column_stride == 1) {
    ir_kernels()->f32_transpose(depth, rows, a, row_stride, panel, rows);
    return;
  }
  if (row_stride == 1) {
    pack_near_rows(rows, depth, a, column_stride, panel);
    return;
  }
  for (size_t k = 0; k < depth; k++)
    for (size_t i = 0; i < rows; i++) panel[k * rows + i] = a[i * row_stride + k * column_stride];
}

// Rows of a panel, of all instruction sets, and numbers of each that are rounded at a time.
enum { MOST_ROWS = 16, ROUNDED_DEPTH = 64 };

void ir_pack_panels(
  size_t rows, size_t depth, const float *a, size_t row_stride, size_t column_stride, bool is_bfloat16,
  float *packed) {
  struct ir_panels panels = ir_panels_of(rows);
  for (size_t p = 0; p < panels.count; p++) {
    size_t start = ir_panel_start(&panels, p), height = ir_panel_rows(&panels, p);
    const float *source = a + start * row_stride;
    float *target = packed + start * ir_packed_depth(depth, is_bfloat16);
    if (!is_bfloat16) {
      pack_panel(height, depth, source, row_stride, column_stride, target);
      continue;
    }
    float part[ROUNDED_DEPTH * MOST_ROWS];
    assert(height <= MOST_ROWS);
    for (size_t k = 0; k < depth; k += ROUNDED_DEPTH) {
      const size_t count = ir_smaller(ROUNDED_DEPTH, depth - k);
      pack_panel(height, count, source + k * column_stride, row_stride, column_stride, part);
      ir_write_panel(height, count, part, true, target + k / 2 * height);
    }
  }
}

void ir_gemm_block(const struct ir_gemm_block *block) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t width = kernels->gemm_columns;
  bool first = block->start == 0, last = block->start + block->depth == block->total_depth;
  const size_t total_depth = ir_packed_depth(block->total_depth, block->is_bfloat16);
  const size_t start = ir_packed_depth(block->start, block->is_bfloat16);
  const size_t b_stride = block->b_stride ? block->b_stride : block->depth * width;
  assert(!block->is_bfloat16 || block->start % 2 == 0);
  for (size_t p = block->first_panel; p < block->last_panel; p++) {
    size_t row = ir_panel_start(&block->panels, p), rows = ir_panel_rows(&block->panels, p);
    struct ir_gemm_tile tile = {
      .rows = rows,
      .depth = ir_packed_depth(block->depth, block->is_bfloat16),
      .a = block->a + row * total_depth + start * rows,
      .c_stride = block->c_stride,
      .alpha = last ? block->alpha : 1,
      .row_bias = last && block->row_bias ? block->row_bias + row : NULL,
      .activation = last ? block->activation : IR_ACTIVATION_NONE,
    };
    for (size_t j = 0; j < block->columns; j += width) {
      tile.columns = ir_smaller(width, block->columns - j);
      tile.b = block->b + j / width * b_stride;
      tile.c = block->c + row * block->c_stride + j;
      if (!first) {
        tile.initial = tile.c;
        tile.initial_stride = block->c_stride;
      } else if (block->residual) {
        tile.initial = block->residual + row * block->residual_stride + j;
        tile.initial_stride = block->residual_stride;
      }
      tile.column_bias = last && block->column_bias ? block->column_bias + j : NULL;
      if (block->is_bfloat16) kernels->bf16_gemm(&tile);
      else kernels->f32_gemm(&tile);
    }
  }
}

void ir_gemm_round_columns(const struct ir_gemm_block *block, float *packed) {
  if (!block->is_bfloat16) return;
  const size_t width = ir_kernels()->gemm_columns;
  for (size_t j = 0; j < block->columns; j += width)
    ir_kernels()->bf16_pair_rows(block->depth, width, packed + j * block->depth, packed + j * block->depth);
}

size_t ir_depth_block(size_t depth) {
  const size_t most = 512;
  size_t count = ir_ceiling_divide(depth, most);
  if (count < 2) return depth;
  return ir_ceiling_divide(ir_ceiling_divide(depth, count), 2) * 2;
}

size_t ir_column_block_count(size_t depth) {
  size_t width = ir_kernels()->gemm_columns;
  assert(IR_COLUMN_BLOCK % width == 0);
  return ir_aligned_count(ir_depth_block(depth) * IR_COLUMN_BLOCK + width);
}
