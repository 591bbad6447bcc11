/// The changes of each pass.
public struct CompilationReport: Sendable {
  public struct Entry: Sendable {
    public var pass: String
    /// Changes, and those of each rule in the pass's order; a pass without rules has none.
    public var patches: Int
    public var rules: [PatchCount.Rule]
    public var nodesBefore: Int
    public var nodesAfter: Int
    public var seconds: Double
  }

  public package(set) var entries: [Entry] = []
  /// The last change: its rule or pass, and the node where a rule made it.
  public package(set) var lastPatch: String?

  /// A report of nothing.
  public init() {}

  /// The patches applied by all passes.
  public var patchCount: Int { entries.reduce(0) { $0 + $1.patches } }
}

/// Changes that a pass made.
public struct PatchCount: Sendable {
  public struct Rule: Sendable {
    public var name: String
    public var patches: Int
  }

  package var total: Int
  package var rules: [Rule] = []
  /// The node of the last change, where a rule made it.
  package var last: (rule: String, node: String)?

  package init(_ total: Int) { self.total = total }
}
