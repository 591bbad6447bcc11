import IRGraph

/// Removes nodes that no output depends on. Nodes decrease; exact.
struct RemoveDeadNodes: GraphPass {
  static let name = "remove-dead-nodes"

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    PatchCount(graph.removeDeadNodes())
  }
}
