import IRTensor

/// Runs a graph by its operators' definitions, one after another: slow, obvious, and the oracle for
/// everything that is fast.
package struct GraphInterpreter: Sendable {
  package let graph: Graph

  package init(_ graph: Graph) { self.graph = graph }

  /// Computes the outputs, by name.
  ///
  /// `progress` is called after each node with the count of nodes done and in all.
  /// - Throws: `GraphError.inputs` if an input is missing or has another type.
  package func run(
    _ inputs: [String: Tensor], progress: ((Int, Int) -> Void)? = nil
  ) throws(GraphError) -> [String: Tensor] {
    var values: [ValueID: Tensor] = [:]
    for id in graph.inputs {
      let input = graph[id]
      guard let tensor = inputs[input.name] else { throw .inputs(detail: "input \(input.name) is missing") }
      guard tensor.type == input.type else {
        throw .inputs(detail: "input \(input.name) is \(tensor.type), the graph takes \(input.type)")
      }
      values[id] = tensor
    }
    let order = graph.nodesInOrder
    var remainingUses: [ValueID: Int] = [:]
    for id in order {
      for input in graph[id].inputs { remainingUses[input, default: 0] += 1 }
    }
    for output in graph.outputs { remainingUses[output.value, default: 0] += 1 }
    for (index, id) in order.enumerated() {
      let node = graph[id]
      let operands = node.inputs.map { value(of: $0, in: values) }
      let results = node.operator.results(operands, graph.outputTypes(of: id))
      precondition(
        results.map(\.type) == graph.outputTypes(of: id),
        "\(node.operator.name) evaluated to \(results.map(\.type)), not \(graph.outputTypes(of: id))")
      for (output, result) in zip(node.outputs, results) { values[output] = result }
      for input in node.inputs {
        remainingUses[input, default: 1] -= 1
        if remainingUses[input] == 0 { values[input] = nil }
      }
      progress?(index + 1, order.count)
    }
    var result: [String: Tensor] = [:]
    for output in graph.outputs { result[output.name] = value(of: output.value, in: values) }
    return result
  }

  private func value(of id: ValueID, in values: [ValueID: Tensor]) -> Tensor {
    if let tensor = values[id] { return tensor }
    guard let tensor = graph.constant(id) else { preconditionFailure("\(id) used before it is computed") }
    return tensor
  }
}
