import IRGraph
import IROperators
import IRTensor

/// Removes nodes that return their input (a reshape to the same shape, an identity transpose, a whole slice,
/// a concatenation of one, a pad of nothing, an expansion or a cast to the same type) and makes one of two
/// reshapes in a row. Nodes decrease, or an edge moves closer to the inputs; exact.
struct RemoveNoOperations: RewriteRule {
  static let name = "remove-no-operations"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let input = node.inputs.first, node.outputs.count == 1, !isJoining(node) else { return nil }
    let (from, to) = (graph[input].type, graph[node.outputs[0]].type)
    var patch = GraphPatch(to: graph)
    if from == to, isIdentity(node.operator) {
      patch.replace(node.outputs[0], with: .existing(input))
      return patch
    }
    if let reshape = node.operator as? Reshape, let producer = graph.producer(of: input),
      graph[producer].operator is Reshape
    {
      let source = graph[producer].inputs[0]
      patch.replace(node.outputs[0], with: try patch.value(reshape, [.existing(source)], name: node.name))
      return patch
    }
    return nil
  }

  private func isJoining(_ node: Node) -> Bool { node.operator is Concatenate && node.inputs.count > 1 }

  /// Whether the operator returns its input, given that the types are equal.
  private func isIdentity(_ operator: any Operator) -> Bool {
    switch `operator` {
    case is Reshape, is Expand, is Cast: true
    case let transpose as Transpose: transpose.permutation == Array(transpose.permutation.indices)
    case is Concatenate: true
    case let slice as Slice: slice.steps.allSatisfy { $0 == 1 }
    case is Pad: true
    case let tile as Tile: tile.repeats.allSatisfy { $0 == 1 }
    default: false
    }
  }
}
