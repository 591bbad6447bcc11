import ArgumentParser
import IRCompiler
import IRRuntime
import IRTensor

/// The memory that a run may take.
package struct MemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory limit, such as 500M or 4G. (default: three quarters of the free memory)", valueName: "size"))
  package var memory: MemorySize?

  package init() {}
}

/// The memory that one program may take, for tools that compile a model without running pictures.
package struct ProgramMemoryOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Memory limit of the program, such as 500M or 4G. Above it, feature maps are recomputed instead of kept. (default: no limit)",
      valueName: "size"))
  package var memory: MemorySize?

  @Flag(
    help:
      "If recomputing is not enough for --memory, store as few feature maps as necessary as float16 (11 bits of precision)."
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
