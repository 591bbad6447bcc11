import IRCompiler

extension Compiler {
  /// A compiler of programs for the processor at hand, to run on this many threads. Compilations for several sizes of a
  /// model may share `weights`. Programs of more than `memoryByteCount` bytes are made smaller where that can be had for work.
  public init(
    threadCount: Int = 1, weights: PackedWeights = PackedWeights(), memoryByteCount: Int? = nil
  ) {
    self.init(
      options: CompilerOptions(threadCount: threadCount, memoryByteCount: memoryByteCount),
      kernels: CPUKernelLibrary(weights: weights))
  }
}
