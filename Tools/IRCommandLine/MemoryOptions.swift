import ArgumentParser
import IRCompiler
import IRRuntime

/// What a tool that compiles a model may be told of memory.
public struct MemoryOptions: ParsableArguments {
  @Option(
    help:
      "Memory budget, as 500M or 4G: above it, feature maps are recomputed instead of kept."
  )
  public var memoryLimit: MemorySize?

  @Flag(
    help:
      "If that is not enough, store as few feature maps as necessary as float16; each is rounded to 11 bits of precision."
  )
  public var float16Storage = false

  public init() {}

  public mutating func validate() throws {
    guard !float16Storage || memoryLimit != nil else {
      throw ValidationError("--float16-storage needs --memory-limit: nothing is rounded without need")
    }
  }

  /// A compiler of programs for so many threads that keeps to it.
  public func compiler(threadCount: Int, hasNearSharedCache: Bool? = nil) -> Compiler {
    Compiler(
      options: CompilerOptions(
        threadCount: threadCount, memoryByteCount: memoryLimit?.byteCount,
        allowsFloat16Storage: float16Storage),
      kernels: CPUKernelLibrary(hasNearSharedCache: hasNearSharedCache))
  }
}
