#include "ir_kernels.h"

#define DECLARE_KERNEL(isa, name, result, parameters) result ir_##name##__##isa parameters;
#define DECLARE_ELEMENTWISE(isa, function) \
  void ir_f32_##function##__##isa(size_t, size_t, const struct ir_elementwise_operands *);

#define SCALAR_KERNEL(name, result, parameters) DECLARE_KERNEL(scalar, name, result, parameters)
#define SCALAR_ELEMENTWISE(constant, function, operands) DECLARE_ELEMENTWISE(scalar, function)
IR_KERNEL_LIST(SCALAR_KERNEL)
IR_ELEMENTWISE_LIST(SCALAR_ELEMENTWISE)

// clang-format off
#define SCALAR_ENTRY(name, result, parameters) .name = ir_##name##__scalar,
#define SCALAR_OPCODE(constant, function, operands) \
  [IR_ELEMENTWISE_##constant] = ir_f32_##function##__scalar,
static const struct ir_kernel_table scalar_table = {
  .isa = IR_ISA_SCALAR, .name = "scalar", .lanes = 4, .gemm_rows = 4, .gemm_columns = 8,
  .planar_rows = 4, .planar_columns = 8, .pairs_columns = 8,
  IR_KERNEL_LIST(SCALAR_ENTRY)
  .elementwise = {IR_ELEMENTWISE_LIST(SCALAR_OPCODE)},
};
// clang-format on

#if defined(__x86_64__)

#define AVX2_KERNEL(name, result, parameters) DECLARE_KERNEL(avx2, name, result, parameters)
#define AVX2_ELEMENTWISE(constant, function, operands) DECLARE_ELEMENTWISE(avx2, function)
IR_KERNEL_LIST(AVX2_KERNEL)
IR_ELEMENTWISE_LIST(AVX2_ELEMENTWISE)

// clang-format off
#define AVX2_ENTRY(name, result, parameters) .name = ir_##name##__avx2,
#define AVX2_OPCODE(constant, function, operands) \
  [IR_ELEMENTWISE_##constant] = ir_f32_##function##__avx2,
static const struct ir_kernel_table avx2_table = {
  .isa = IR_ISA_AVX2, .name = "avx2", .lanes = 8, .gemm_rows = 6, .gemm_columns = 16,
  .planar_rows = 4, .planar_columns = 16, .pairs_columns = 16,
  IR_KERNEL_LIST(AVX2_ENTRY)
  .elementwise = {IR_ELEMENTWISE_LIST(AVX2_OPCODE)},
};
// clang-format on

#define AVX512_KERNEL(name, result, parameters) DECLARE_KERNEL(avx512, name, result, parameters)
#define AVX512_ELEMENTWISE(constant, function, operands) DECLARE_ELEMENTWISE(avx512, function)
IR_KERNEL_LIST(AVX512_KERNEL)
IR_ELEMENTWISE_LIST(AVX512_ELEMENTWISE)

// clang-format off
#define AVX512_ENTRY(name, result, parameters) .name = ir_##name##__avx512,
#define AVX512_OPCODE(constant, function, operands) \
  [IR_ELEMENTWISE_##constant] = ir_f32_##function##__avx512,
#define AVX512_TABLE \
  .isa = IR_ISA_AVX512, .name = "avx512", .lanes = 16, .gemm_rows = 14, .gemm_columns = 32, \
  .planar_rows = 8, .planar_columns = 64, .pairs_columns = 48, \
  IR_KERNEL_LIST(AVX512_ENTRY) \
  .elementwise = {IR_ELEMENTWISE_LIST(AVX512_OPCODE)}
static const struct ir_kernel_table avx512_table = {AVX512_TABLE};

#define AVX512BF16_KERNEL(name, result, parameters) DECLARE_KERNEL(avx512bf16, name, result, parameters)
#define AVX512BF16_ENTRY(name, result, parameters) .name = ir_##name##__avx512bf16,
IR_PAIRS_KERNEL_LIST(AVX512BF16_KERNEL)

// The instructions of AVX512-BF16 for what has to do with bfloat16.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
static const struct ir_kernel_table avx512bf16_table = {
  AVX512_TABLE, .has_bfloat16 = true, IR_PAIRS_KERNEL_LIST(AVX512BF16_ENTRY)
};
#pragma clang diagnostic pop
// clang-format on

static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static bool has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

#endif

const struct ir_kernel_table *ir_kernels_for(enum ir_isa isa) {
  switch (isa) {
    case IR_ISA_SCALAR: return &scalar_table;
#if defined(__x86_64__)
    case IR_ISA_AVX2: return has_avx2() ? &avx2_table : NULL;
    case IR_ISA_AVX512:
      if (!has_avx512()) return NULL;
      return __builtin_cpu_supports("avx512bf16") ? &avx512bf16_table : &avx512_table;
#endif
    default: return NULL;
  }
}

// Chosen at the first use; every thread that races to it chooses the same.
static const struct ir_kernel_table *chosen;

enum ir_isa ir_kernels_select(enum ir_isa isa) {
  const struct ir_kernel_table *table = ir_kernels_for(isa);
  while (!table) table = ir_kernels_for(--isa);
  __atomic_store_n(&chosen, table, __ATOMIC_RELEASE);
  return table->isa;
}

bool ir_has_near_shared_cache(void) {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd");
#else
  return false;
#endif
}

enum ir_isa ir_isa_best(void) {
  enum ir_isa isa = IR_ISA_AVX512;
  while (!ir_kernels_for(isa)) isa--;
  return isa;
}

const struct ir_kernel_table *ir_kernels(void) {
  const struct ir_kernel_table *table = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
  if (table) return table;
  ir_kernels_select(ir_isa_best());
  return __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
}
