import IRGraph
import IROperators
import IRTensor

/// x · sigmoid(αx) becomes one `swish` (SiLU where α is 1), of which kernels make one function. Nodes
/// decrease; exact up to one rounding. Not for gradients, which are of the parts.
struct RecognizeSwish: RewriteRule {
  static let name = "recognize-swish"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let (a, b) = graph.operands(of: node.outputs[0], .multiply) else { return nil }
    for (x, gate) in [(a, b), (b, a)] {
      guard let argument = graph.operand(of: gate, .sigmoid), graph.onlyUser(of: gate) == id,
        graph[x].type == graph[node.outputs[0]].type, let alpha = factor(from: x, to: argument, in: graph)
      else { continue }
      var patch = GraphPatch(to: graph)
      patch.replace(
        node.outputs[0],
        with: try patch.value(Activation(.swish, alpha: alpha), [.existing(x)], name: node.name))
      return patch
    }
    return nil
  }

  /// The number by which `x` is multiplied where that makes `argument`.
  private func factor(from x: ValueID, to argument: ValueID, in graph: Graph) -> Float? {
    if argument == x { return 1 }
    guard graph[argument].type == graph[x].type, let (a, b) = graph.operands(of: argument, .multiply) else {
      return nil
    }
    if a == x { return graph.uniform(b).map { Float($0) } }
    return b == x ? graph.uniform(a).map { Float($0) } : nil
  }
}
