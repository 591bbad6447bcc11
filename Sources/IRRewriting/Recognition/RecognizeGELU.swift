import IRGraph
import IROperators
import IRTensor

/// x · (erf(x / √2) + 1) · ½, multiplied in any order, becomes one `gelu`. Nodes decrease; reassociates.
struct RecognizeGELU: RewriteRule {
  static let name = "recognize-gelu"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let binary = node.operator as? Binary, binary.function == .multiply else { return nil }
    let factors = factors(of: node.outputs[0], in: graph)
    guard factors.count == 3, let half = factors.firstIndex(where: { graph.uniform($0) == 0.5 }) else {
      return nil
    }
    let rest = [0, 1, 2].filter { $0 != half }.map { factors[$0] }
    for (x, sum) in [(rest[0], rest[1]), (rest[1], rest[0])] {
      guard let erf = graph.operand(of: sum, .add, with: 1), let scaled = graph.operand(of: erf, .erf),
        graph.operand(of: scaled, .divide, with: 2.0.squareRoot()) == x
          || graph.operand(of: scaled, .multiply, with: 0.5.squareRoot()) == x,
        graph[x].type == graph[node.outputs[0]].type
      else { continue }
      var patch = GraphPatch(to: graph)
      patch.replace(
        node.outputs[0], with: try patch.value(Activation(.gelu), [.existing(x)], name: node.name))
      return patch
    }
    return nil
  }

  /// The factors of a product of products that nothing else uses; at most 3 are looked for.
  private func factors(of value: ValueID, in graph: Graph) -> [ValueID] {
    guard let (a, b) = graph.operands(of: value, .multiply) else { return [value] }
    var result = [a, b]
    for (index, factor) in result.enumerated().reversed() where result.count == 2 {
      guard graph.onlyUser(of: factor) != nil, let (c, d) = graph.operands(of: factor, .multiply) else {
        continue
      }
      result.replaceSubrange(index...index, with: [c, d])
    }
    return result
  }
}
