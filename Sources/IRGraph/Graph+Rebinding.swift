import IRTensor

extension Graph {
  /// The same nodes for inputs of other shapes: every type is computed anew by its operator. Nodes and values
  /// keep their identifiers; inputs that are not named keep their types.
  ///
  /// This is right for a graph whose operators name no size of the inputs that change; others are refused by
  /// their operators, or keep the size that they name.
  /// - Throws: `GraphError.inputs` for a name that is not an input or has other element types, `.type` or
  ///   `.tooLarge` where an operator refuses the new types.
  package func rebound(to types: [String: TensorType]) throws(GraphError) -> Graph {
    var graph = self
    var open = types
    for id in inputs {
      guard let type = open.removeValue(forKey: self[id].name) else { continue }
      guard type.elementType == self[id].type.elementType, Graph.holds(type) else {
        throw .inputs(detail: "input \(self[id].name) is \(self[id].type), it cannot become \(type)")
      }
      graph.valueSlots[id.index]?.type = type
    }
    if let unknown = open.keys.min() {
      throw .inputs(detail: "the graph has no input \(unknown)")
    }
    for id in nodesInOrder {
      let node = self[id]
      let made: [TensorType]
      do { made = try node.operator.outputTypes(for: graph.inputTypes(of: id)) } catch {
        throw .type(node: node.name, operator: node.operator.name, error)
      }
      guard made.count == node.outputs.count else {
        throw .invalid(
          rule: "Graph.nodeTypes", place: node.name,
          detail: "\(made.count) outputs, not \(node.outputs.count)")
      }
      for (output, type) in zip(node.outputs, made) {
        guard Graph.holds(type) else { throw .tooLarge(node: node.name, operator: node.operator.name, type) }
        graph.valueSlots[output.index]?.type = type
      }
    }
    return graph
  }
}
