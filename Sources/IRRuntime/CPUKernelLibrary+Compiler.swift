import IRCompiler

extension Compiler {
  /// A compiler of programs for the processor at hand, to run on this many threads. Compilations for several sizes of a
  /// model may share `weights`.
  public init(threadCount: Int = 1, weights: PackedWeights = PackedWeights()) {
    self.init(
      options: CompilerOptions(threadCount: threadCount), kernels: CPUKernelLibrary(weights: weights))
  }
}
