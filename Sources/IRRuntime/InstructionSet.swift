import CIRKernels

/// The instruction sets that there are kernels for.
package enum InstructionSet: String, CaseIterable, Sendable {
  /// Portable code for the compiler's baseline.
  case scalar
  case avx2, avx512

  private var isa: ir_isa {
    switch self {
    case .scalar: IR_ISA_SCALAR
    case .avx2: IR_ISA_AVX2
    case .avx512: IR_ISA_AVX512
    }
  }

  /// Whether this processor has it, and this build its kernels.
  package var isAvailable: Bool { ir_kernels_for(isa) != nil }

  /// Uses its kernels from now on, in the whole process. Programs that were compiled before must not run any
  /// more.
  /// - Precondition: it is available.
  package func select() {
    precondition(ir_kernels_select(isa) == isa, "the processor has no \(rawValue)")
  }

  /// Uses the kernels of the best available one from now on.
  package static func selectBest() { ir_kernels_select(ir_isa_best()) }
}
