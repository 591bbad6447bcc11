/// What a compilation may do.
public struct CompilerOptions: Sendable {
  /// The threads that the program will run on; workspaces are planned for them.
  public var threadCount: Int
  /// What a program may take, with its inputs and results: where that would be more, work is done twice to make it less,
  /// as far as that goes. nil is no limit.
  public var memoryByteCount: Int?
  /// Where that does not suffice, pictures may wait in memory as float16, as few as do: each is rounded to 11 bits of precision.
  public var allowsFloat16Storage: Bool
  /// Stops rewriting after this many patches, to find a bad one by bisection; nil rewrites to the end.
  public var patchLimit: Int?

  public init(
    threadCount: Int = 1, memoryByteCount: Int? = nil, allowsFloat16Storage: Bool = false,
    patchLimit: Int? = nil
  ) {
    self.threadCount = threadCount
    self.memoryByteCount = memoryByteCount
    self.allowsFloat16Storage = allowsFloat16Storage
    self.patchLimit = patchLimit
  }
}

/// What each pass did.
public struct CompilationReport: Sendable {
  public struct Entry: Sendable {
    public var pass: String
    public var patches: Int
    public var nodesBefore: Int
    public var nodesAfter: Int
    public var seconds: Double
  }

  public internal(set) var entries: [Entry] = []

  /// The patches applied by all passes.
  public var patchCount: Int { entries.reduce(0) { $0 + $1.patches } }
}
