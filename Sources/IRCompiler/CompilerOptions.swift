/// Options of a compilation.
package struct CompilerOptions: Sendable {
  /// The threads that the program will run on; workspaces are planned for them.
  package var threadCount: Int
  /// Upper bound in bytes on the arena with inputs and outputs; beyond it, feature maps are recomputed
  /// instead of kept, best effort. nil: no limit.
  package var memoryByteCount: Int?
  /// If recomputing is not enough, store as few feature maps as necessary as float16; each is rounded to 11
  /// bits of precision.
  package var allowsFloat16Storage: Bool
  /// Stops rewriting after this many patches, to find a bad one by bisection; nil rewrites to the end.
  package var patchLimit: Int?

  package init(
    threadCount: Int = 1, memoryByteCount: Int? = nil, allowsFloat16Storage: Bool = false,
    patchLimit: Int? = nil
  ) {
    self.threadCount = threadCount
    self.memoryByteCount = memoryByteCount
    self.allowsFloat16Storage = allowsFloat16Storage
    self.patchLimit = patchLimit
  }
}
