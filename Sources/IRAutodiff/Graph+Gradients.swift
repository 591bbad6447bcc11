import IRGraph
import IRTensor

extension Graph {
  /// The graph with, added to it, the derivatives of the number `scalar` by each of `values`: reverse mode,
  /// node by node from the scalar back, as more graph of the same operators.
  ///
  /// Nodes that do not depend on `values` are skipped. The gradients are not outputs yet.
  /// - Returns: the larger graph, and one gradient per value, of its type; nil if the scalar does not
  ///   depend on it or nothing flows to it.
  /// - Throws: `AutodiffError.notAScalar`, and `.notDifferentiable` naming the node if a gradient would
  ///   have to flow through an operator without a rule.
  package func gradients(
    of scalar: ValueID, withRespectTo values: [ValueID]
  ) throws(AutodiffError) -> (graph: Graph, gradients: [ValueID?]) {
    let type = self[scalar].type
    guard type.elementType.isFloatingPoint, type.shape.elementCount == 1 else {
      throw .notAScalar(value: self[scalar].name, type)
    }
    let order = nodesInOrder
    let active = active(from: values, order)
    var builder = GraphBuilder(extending: self)
    var arrived = CotangentAccumulator()
    do {
      try arrived.add(builder.constant(Tensor(type, repeating: 1), name: "one"), to: scalar, in: &builder)
    } catch { preconditionFailure("a first cotangent adds no node") }
    for id in order.reversed() {
      let node = self[id]
      let ofOutputs = node.outputs.map { active.contains($0) ? arrived[$0] : nil }
      let isWanted = node.inputs.map { active.contains($0) }
      guard ofOutputs.contains(where: { $0 != nil }), isWanted.contains(true) else { continue }
      guard let operation = node.operator as? any DifferentiableOperator else {
        throw .notDifferentiable(node: node.name, operator: node.operator.name)
      }
      let context = Cotangents(
        inputs: node.inputs, outputs: node.outputs, ofOutputs: ofOutputs, isWanted: isWanted)
      do {
        try builder.inScope("\(node.name).gradient") { (builder) throws(GraphError) in
          let results = try operation.cotangents(context, into: &builder)
          precondition(results.count == node.inputs.count, "\(operation.name): one cotangent per input")
          for (position, result) in results.enumerated() where isWanted[position] {
            if let result { try arrived.add(result, to: node.inputs[position], in: &builder) }
          }
        }
      } catch { throw .rule(node: node.name, operator: node.operator.name, error) }
    }
    return (builder.graph, values.map { arrived[$0] })
  }

  /// The floating-point values that depend on `values`, those included.
  private func active(from values: [ValueID], _ order: [NodeID]) -> Set<ValueID> {
    var active = Set(values)
    for id in order where self[id].inputs.contains(where: { active.contains($0) }) {
      for output in self[id].outputs where self[output].type.elementType.isFloatingPoint {
        active.insert(output)
      }
    }
    return active
  }
}
