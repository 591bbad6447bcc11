import IRGraph
import IROperators
import IRTensor

/// x / max(‖x‖₂, ε) becomes one `L2Normalization`. Nodes decrease; reassociates.
struct RecognizeL2Normalization: RewriteRule {
  static let name = "recognize-l2-normalization"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let (x, bounded) = graph.operands(of: node.outputs[0], .divide),
      let (a, b) = graph.operands(of: bounded, .maximum)
    else { return nil }
    for (norm, constant) in [(a, b), (b, a)] {
      guard let epsilon = graph.uniform(constant), epsilon > 0, let (source, axes) = graph.reduced(norm, .l2),
        source == x,
        axes.count == 1, graph[x].type == graph[node.outputs[0]].type
      else { continue }
      var patch = GraphPatch(to: graph)
      let operation = L2Normalization(axis: axes[0], epsilon: Float(epsilon))
      patch.replace(node.outputs[0], with: try patch.value(operation, [.existing(x)], name: node.name))
      return patch
    }
    return nil
  }
}

/// An expansion that the elementwise operator behind it does by itself is passed over. Nodes decrease;
/// exact.
struct RemoveExpand: RewriteRule {
  static let name = "remove-expand"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard node.operator is Binary else { return nil }
    for (position, input) in node.inputs.enumerated() {
      guard let (_, _, sources) = graph.producer(of: input, as: Expand.self) else { continue }
      var inputs = node.inputs
      inputs[position] = sources[0]
      let shape = graph[inputs[0]].type.shape.broadcast(with: graph[inputs[1]].type.shape)
      guard shape == graph[node.outputs[0]].type.shape else { continue }
      var patch = GraphPatch(to: graph)
      let value = try patch.value(node.operator, inputs.map { .existing($0) }, name: node.name)
      patch.replace(node.outputs[0], with: value)
      return patch
    }
    return nil
  }
}

/// A transposition of the last two axes in front of a matrix product becomes the product's own. Nodes
/// decrease; exact.
struct AbsorbTranspose: RewriteRule {
  static let name = "absorb-transpose"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard var product = node.operator as? MatrixMultiply else { return nil }
    for (position, input) in node.inputs.enumerated() {
      guard let (_, transpose, sources) = graph.producer(of: input, as: Transpose.self) else { continue }
      let rank = transpose.permutation.count
      guard transpose.permutation == Array(0..<(rank - 2)) + [rank - 1, rank - 2] else { continue }
      if position == 0 { product.transposesA.toggle() } else { product.transposesB.toggle() }
      var inputs = node.inputs
      inputs[position] = sources[0]
      var patch = GraphPatch(to: graph)
      patch.replace(
        node.outputs[0], with: try patch.value(product, inputs.map { .existing($0) }, name: node.name))
      return patch
    }
    return nil
  }
}
