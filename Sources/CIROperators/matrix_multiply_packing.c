#include "matrix_multiply_packing.h"

#include <assert.h>
#include <string.h>

#include "gemm_block.h"
#include "parallel.h"

void ir_pack_columns(
  const struct ir_matrix_strides *s, const float *b, size_t start, size_t depth, size_t first, size_t columns,
  float *packed) {
  const struct ir_kernel_table *kernels = ir_kernels();
  const size_t width = kernels->gemm_columns;
  for (size_t j = 0; j < columns; j += width) {
    const float *source = b + start * s->row + (first + j) * s->column;
    float *target = packed + j * depth;
    size_t count = ir_smaller(width, columns - j);
    if (s->column == 1) {
      kernels->f32_gemm_pack_rows(depth, count, source, s->row, target);
      continue;
    }
    if (count < width) memset(target, 0, depth * width * sizeof *target);
    if (s->row == 1) {
      kernels->f32_transpose(depth, count, source, s->column, target, width);
      continue;
    }
    for (size_t k = 0; k < depth; k++)
      for (size_t l = 0; l < count; l++) target[k * width + l] = source[k * s->row + l * s->column];
  }
}

// Columns of the block that begins with column `first`, in whole panels.
static size_t padded_columns(const struct ir_matrix_multiply_params *p, size_t first) {
  const size_t width = ir_kernels()->gemm_columns;
  assert(IR_PACKED_COLUMN_BLOCK % width == 0);
  return ir_ceiling_divide(ir_smaller(IR_PACKED_COLUMN_BLOCK, p->columns - first), width) * width;
}

size_t ir_packed_columns_place(const struct ir_matrix_multiply_params *p, size_t first, size_t start) {
  assert(first % IR_PACKED_COLUMN_BLOCK == 0);
  return first * ir_packed_depth(p->depth, p->is_bfloat16) +
    padded_columns(p, first) * ir_packed_depth(start, p->is_bfloat16);
}

size_t ir_matrix_multiply_packed_count(const struct ir_matrix_multiply_params *p) {
  const size_t width = ir_kernels()->gemm_columns;
  return ir_ceiling_divide(p->columns, width) * width * ir_packed_depth(p->depth, p->is_bfloat16);
}

// Numbers of a column that are rounded at a time, and columns of a panel, of all instruction sets.
enum { ROUNDED_DEPTH = 64, MOST_COLUMNS = 32 };

// A panel of columns, rounded to pairs.
static void pack_pairs(
  const struct ir_matrix_strides *s, const float *b, size_t start, size_t depth, size_t first, size_t columns,
  float *packed) {
  const size_t width = ir_kernels()->gemm_columns;
  float part[ROUNDED_DEPTH * MOST_COLUMNS];
  assert(width <= MOST_COLUMNS);
  for (size_t k = 0, count; k < depth; k += count) {
    count = ir_smaller(ROUNDED_DEPTH, depth - k);
    ir_pack_columns(s, b, start + k, count, first, columns, part);
    ir_kernels()->bf16_pair_rows(count, width, part, packed + k / 2 * width);
  }
}

void ir_matrix_multiply_pack_columns(
  const struct ir_matrix_multiply_params *p, const float *b, float *packed) {
  const size_t width = ir_kernels()->gemm_columns, step = ir_depth_block(p->depth);
  for (size_t first = 0; first < p->columns; first += IR_PACKED_COLUMN_BLOCK)
    for (size_t start = 0, depth; start < p->depth; start += depth) {
      depth = ir_smaller(step, p->depth - start);
      float *block = packed + ir_packed_columns_place(p, first, start);
      const size_t columns = ir_smaller(IR_PACKED_COLUMN_BLOCK, p->columns - first);
      for (size_t j = 0; j < columns; j += width) {
        const size_t count = ir_smaller(width, columns - j);
        float *panel = block + j / width * ir_packed_depth(depth, p->is_bfloat16) * width;
        if (p->is_bfloat16) pack_pairs(&p->b, b, start, depth, first + j, count, panel);
        else ir_pack_columns(&p->b, b, start, depth, first + j, count, panel);
      }
    }
}
