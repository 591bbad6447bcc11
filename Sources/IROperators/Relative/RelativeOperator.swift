import IRGraph
import IRTensor

/// An operator whose attributes are expressions of its inputs' extents. It computes with its first input; of
/// the others, only the extents count.
///
/// Graphs of these operators, and of others without sizes, hold for images of every size (`Graph.rebound`),
/// and are written to files with open sizes. The compiler sees `resolved` only.
package protocol RelativeOperator: AxisMappedOperator {
  /// The operator with numbers, for inputs of these types; takes the first input alone.
  /// - Throws: `TypeError` if an expression does not give a size.
  func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator
}

extension RelativeOperator {
  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...8, Self.name)
    return try resolved(for: inputs).outputTypes(for: [inputs[0]])
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let plain = try? resolved(for: inputs.map(\.type)) else {
      preconditionFailure("checked by outputTypes")
    }
    return plain.evaluate([inputs[0]])
  }

  /// As the operator with numbers states it.
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let rank = types.outputs[output].shape.rank
    guard input == 0 else { return [AxisRelation](repeating: .new, count: rank) }
    let plain = try? resolved(for: types.inputs) as? any AxisMappedOperator
    let own = NodeTypes(inputs: [types.inputs[0]], outputs: types.outputs)
    return plain?.axes(of: output, from: 0, own) ?? .mixed(rank)
  }
}

extension Graph {
  /// The graph with every relative operator replaced by the one of its size.
  package func resolvingSizes() throws(GraphError) -> Graph {
    var graph = self
    try graph.resolveSizes()
    return graph
  }

  /// As `resolvingSizes`.
  /// - Returns: how many operators were replaced.
  @discardableResult
  package mutating func resolveSizes(limit: Int = .max) throws(GraphError) -> Int {
    var count = 0
    for id in nodesInOrder where count < limit {
      let node = self[id]
      guard let relative = node.operator as? any RelativeOperator else { continue }
      let plain: any Operator
      do { plain = try relative.resolved(for: inputTypes(of: id)) } catch {
        throw .type(node: node.name, operator: relative.name, error)
      }
      var patch = GraphPatch(to: self)
      patch.replace(
        node.outputs[0], with: try patch.value(plain, [.existing(node.inputs[0])], name: node.name))
      try apply(patch)
      count += 1
    }
    return count
  }
}
