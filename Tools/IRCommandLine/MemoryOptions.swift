import ArgumentParser
import IRCompiler
import IRRuntime
import IRTensor

/// The memory that a run may take.
package struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory limit, as 500M or 4G; by default three quarters of the free memory.", valueName: "size"))
  package var memory: MemorySize?

  package init() {}
}

/// The memory that one program may take, for tools that compile a model without running pictures.
package struct ProgramMemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory budget of the program, as 500M or 4G: above it, feature maps are recomputed instead of kept.",
      valueName: "size"))
  package var memory: MemorySize?

  @Flag(
    help:
      "If that is not enough, store as few feature maps as necessary as float16; each is rounded to 11 bits of precision."
  )
  package var float16Storage = false

  package init() {}

  package mutating func validate() throws {
    guard !float16Storage || memory != nil else {
      throw ValidationError("--float16-storage needs --memory: nothing is rounded without need")
    }
  }

  /// A compiler of programs for so many threads that keeps to the budget.
  package func compiler(
    threadCount: Int, hasNearSharedCache: Bool? = nil, precision: Precision = .float32
  ) -> Compiler {
    Compiler(
      options: CompilerOptions(
        threadCount: threadCount, memoryByteCount: memory?.byteCount, allowsFloat16Storage: float16Storage),
      kernels: CPUKernelLibrary(hasNearSharedCache: hasNearSharedCache, precision: precision))
  }
}
