import IRGraph
import IROperators

/// The cotangent of a normalized value plus what flows to the value on other ways becomes part of the
/// normalization's gradient. Nodes decrease; exact.
struct AddToGradient: RewriteRule {
  static let name = "add-to-gradient"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let binary = node.operator as? Binary, binary.function == .add else { return nil }
    for (value, addend) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard graph[value].type == graph[addend].type, graph.onlyUser(of: value) == id,
        let (producer, found, inputs) = graph.producer(of: value, as: LayerNormalizationGradient.self),
        !found.hasAddend, case let outputs = graph[producer].outputs, outputs[0] == value,
        outputs.dropFirst().allSatisfy({ isRead($0, byNamesAloneIn: graph) })
      else { continue }
      var gradient = found
      gradient.hasAddend = true
      var patch = GraphPatch(to: graph)
      let results = try patch.node(
        gradient, (inputs + [addend]).map { .existing($0) }, name: graph[producer].name)
      patch.replace(node.outputs[0], with: results[0])
      for (old, new) in zip(outputs, results).dropFirst() { patch.replace(old, with: new) }
      return patch
    }
    return nil
  }

  /// Whether nothing but other shapes of it reads a value: the addend then does not depend on it.
  private func isRead(_ value: ValueID, byNamesAloneIn graph: Graph) -> Bool {
    graph.users(of: value).allSatisfy { user in
      graph[user].operator is Reshape && isRead(graph[user].outputs[0], byNamesAloneIn: graph)
    }
  }
}
