import IRCompiler
import IRTensor

extension Compiler {
  /// A compiler of programs for the processor at hand, to run on this many threads. Compilations for several
  /// sizes of a model may share `weights`. Programs of more than `memoryByteCount` bytes are made smaller
  /// where that can be had for work or, where it is allowed, for precision. Programs of parts of pictures are
  /// compiled without `formsFollowSizes` (`KernelSupport`).
  package init(
    threadCount: Int = 1, weights: PackedWeights = PackedWeights(), memoryByteCount: Int? = nil,
    allowsFloat16Storage: Bool = false, precision: Precision = .float32, formsFollowSizes: Bool = true
  ) {
    self.init(
      options: CompilerOptions(
        threadCount: threadCount, memoryByteCount: memoryByteCount, allowsFloat16Storage: allowsFloat16Storage
      ),
      kernels: CPUKernelLibrary(
        weights: weights, precision: precision, formsFollowSizes: formsFollowSizes))
  }
}
