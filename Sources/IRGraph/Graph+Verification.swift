import IRTensor

extension Graph {
  /// Checks the whole graph: identifiers exist, every value is defined once and before its use (no
  /// cycles), recorded types are what the operators say, names of inputs and of outputs are unique.
  /// - Throws: `GraphError.invalid` or `.type` for the first rule found broken.
  package func verify() throws(GraphError) {
    try verifyNames()
    for (index, slot) in valueSlots.enumerated() {
      guard let value = slot else { continue }
      try verifyDefinition(of: ValueID(index: index), value)
    }
    let order = nodesInOrder
    var position = [NodeID: Int]()
    for (index, node) in order.enumerated() { position[node] = index }
    for (index, id) in order.enumerated() { try verify(id, at: index, position) }
    guard order.count == nodeCount else {
      throw .invalid(
        rule: "Graph.acyclic", place: name, detail: "\(nodeCount - order.count) nodes cannot be ordered")
    }
    for output in outputs where !contains(output.value) {
      throw .invalid(
        rule: "Graph.outputExists", place: "output \(output.name)", detail: "\(output.value) is not a value")
    }
  }

  private func verifyNames() throws(GraphError) {
    var seen = Set<String>()
    for input in inputs {
      guard contains(input), case .input = self[input].definition else {
        throw .invalid(rule: "Graph.inputExists", place: name, detail: "\(input) is not an input value")
      }
      guard seen.insert(self[input].name).inserted else {
        throw .invalid(
          rule: "Graph.inputNames", place: name, detail: "two inputs are named \(self[input].name)")
      }
    }
    seen = []
    for output in outputs where !seen.insert(output.name).inserted {
      throw .invalid(rule: "Graph.outputNames", place: name, detail: "two outputs are named \(output.name)")
    }
  }

  private func verifyDefinition(of id: ValueID, _ value: Value) throws(GraphError) {
    switch value.definition {
    case .input:
      guard inputs.contains(id) else {
        throw .invalid(
          rule: "Graph.inputListed", place: value.name, detail: "an input that is not in the inputs' list")
      }
    case .constant(let tensor):
      guard tensor.type == value.type else {
        throw .invalid(
          rule: "Graph.constantType", place: value.name,
          detail: "declared \(value.type), but the constant is \(tensor.type)")
      }
    case .node(let node, let output):
      guard contains(node), self[node].outputs.indices.contains(output), self[node].outputs[output] == id
      else {
        throw .invalid(
          rule: "Graph.definition", place: value.name, detail: "\(node) does not define \(id)")
      }
    }
  }

  private func verify(_ id: NodeID, at index: Int, _ position: [NodeID: Int]) throws(GraphError) {
    let node = self[id]
    for input in node.inputs {
      guard contains(input) else {
        throw .invalid(rule: "Graph.operandExists", place: node.name, detail: "\(input) is not a value")
      }
      if let producer = producer(of: input), (position[producer] ?? .max) >= index {
        throw .invalid(
          rule: "Graph.acyclic", place: node.name,
          detail: "depends on \(self[producer].name), which depends on it")
      }
    }
    let types: [TensorType]
    do { types = try node.operator.outputTypes(for: inputTypes(of: id)) } catch {
      throw .type(node: node.name, operator: node.operator.name, error)
    }
    guard types == outputTypes(of: id) else {
      throw .invalid(
        rule: "Graph.nodeTypes", place: "\(node.name) (\(node.operator.name))",
        detail: "declares \(outputTypes(of: id)), its operator says \(types)")
    }
  }
}
