/// The changes of each pass.
package struct CompilationReport: Sendable {
  package struct Entry: Sendable {
    package var pass: String
    /// Changes, and those of each rule in the pass's order; a pass without rules has none.
    package var patches: Int
    package var rules: [PatchCount.Rule]
    package var nodesBefore: Int
    package var nodesAfter: Int
    package var seconds: Double
  }

  package var entries: [Entry] = []
  /// The last change: its rule or pass, and the node where a rule made it.
  package var lastPatch: String?

  /// A report of nothing.
  package init() {}

  /// The patches applied by all passes.
  package var patchCount: Int { entries.reduce(0) { $0 + $1.patches } }
}

/// Changes that a pass made.
package struct PatchCount: Sendable {
  package struct Rule: Sendable {
    package var name: String
    package var patches: Int
  }

  package var total: Int
  package var rules: [Rule] = []
  /// The node of the last change, where a rule made it.
  package var last: (rule: String, node: String)?

  package init(_ total: Int) { self.total = total }
}
