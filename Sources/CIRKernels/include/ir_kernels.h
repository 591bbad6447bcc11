#ifndef IR_KERNELS_H
#define IR_KERNELS_H

#include "ir_elementwise_list.h"
#include "ir_kernel_list.h"
#include "ir_kernel_types.h"

#ifdef __cplusplus
extern "C" {
#endif

/// In ascending order of preference. SCALAR is portable code for the compiler's baseline.
enum ir_isa {
  IR_ISA_SCALAR,
  IR_ISA_AVX2,
  IR_ISA_AVX512,
};

/// The kernels of one ISA. docs/kernels.md says what each guarantees.
struct ir_kernel_table {
  enum ir_isa isa;
  const char *name;
  /// Floats in a vector register.
  size_t lanes;
  /// The largest tile of f32_gemm; a packed B panel has exactly gemm_columns columns.
  size_t gemm_rows, gemm_columns;
  /// The largest tile of f32_planar_product: output channels of a panel, and columns.
  size_t planar_rows, planar_columns;
  /// The largest tile of bf16_planar_product has planar_rows channels and these columns.
  size_t pairs_columns;
  /// Whether bfloat16 is multiplied faster than float32; else float32 computes the same products.
  bool has_fast_bfloat16;
#define IR_KERNEL(name, result, parameters) result(*name) parameters;
  IR_KERNEL_LIST(IR_KERNEL)
#undef IR_KERNEL
  ir_elementwise_kernel elementwise[IR_ELEMENTWISE_COUNT];
};

/// Whether the cache that cores share gives its lines about as fast as their own does: that of a few
/// neighbours (AMD's), and not one spread among all cores of a processor.
bool ir_has_near_shared_cache(void);

/// The best ISA this processor runs.
enum ir_isa ir_isa_best(void);

/// The kernels of `isa`, or NULL where this processor or build lacks it.
const struct ir_kernel_table *ir_kernels_for(enum ir_isa isa);

/// The kernels in use: the best ones unless ir_kernels_select chose lower.
const struct ir_kernel_table *ir_kernels(void);

/// Uses the kernels of `isa`, or the best below it that exist, from now on; returns what was
/// chosen. Not while a driver runs: what was packed before must be packed again.
enum ir_isa ir_kernels_select(enum ir_isa isa);

#ifdef __cplusplus
}
#endif

#endif
