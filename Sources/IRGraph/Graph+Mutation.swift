import IRTensor

extension Graph {
  package mutating func addValue(_ value: Value) -> ValueID {
    valueSlots.append(value)
    userSlots.append([])
    return ValueID(index: valueSlots.count - 1)
  }

  /// Adds an input.
  package mutating func addInput(_ name: String, _ type: TensorType) -> ValueID {
    let id = addValue(Value(name: name, type: type, definition: .input))
    inputs.append(id)
    return id
  }

  /// Removes inputs that nothing uses.
  /// - Precondition: no node reads them and no result is one of them.
  package mutating func removeInputs(_ values: [ValueID]) {
    for value in values {
      precondition(userSlots[value.index].isEmpty && !isOutput(value), "\(value) is in use")
      valueSlots[value.index] = nil
    }
    inputs.removeAll { values.contains($0) }
  }

  /// Adds a constant.
  package mutating func addConstant(_ tensor: Tensor, name: String) -> ValueID {
    addValue(Value(name: name, type: tensor.type, definition: .constant(tensor)))
  }

  /// Adds a result; a value may be several results.
  package mutating func addOutput(_ value: ValueID, name: String) {
    precondition(contains(value))
    outputs.append(Output(name: name, value: value))
  }

  /// Adds a node and its outputs, typed by the operator.
  /// - Throws: `GraphError.type` if the operator refuses the inputs.
  @discardableResult
  package mutating func addNode(
    _ operator: any Operator, inputs: [ValueID], name: String
  ) throws(GraphError) -> [ValueID] {
    let types: [TensorType]
    do {
      types = try `operator`.outputTypes(for: inputs.map { self[$0].type })
    } catch {
      throw .type(node: name, operator: `operator`.name, error)
    }
    for type in types where !Graph.holds(type) {
      throw .tooLarge(node: name, operator: `operator`.name, type)
    }
    let node = NodeID(index: nodeSlots.count)
    let outputs = types.enumerated().map { index, type in
      addValue(
        Value(
          name: types.count == 1 ? name : "\(name).\(index)", type: type,
          definition: .node(node, output: index)))
    }
    nodeSlots.append(Node(name: name, operator: `operator`, inputs: inputs, outputs: outputs))
    for input in inputs { userSlots[input.index].append(node) }
    return outputs
  }

  /// The most elements that one value may have: byte counts then never overflow.
  package static let elementCountLimit = 1 << 48
  /// The most that one extent may be, also of a value without elements: operators compute with extents.
  package static let extentLimit = 1 << 40

  /// The most axes that one value may have.
  package static let rankLimit = 32

  /// Whether a value of this type is within the limits.
  package static func holds(_ type: TensorType) -> Bool {
    guard type.shape.rank <= rankLimit, let count = type.shape.checkedElementCount else { return false }
    return count <= elementCountLimit && type.shape.allSatisfy { $0 <= extentLimit }
  }

  /// Names a value, for dumps.
  package mutating func rename(_ value: ValueID, to name: String) {
    valueSlots[value.index]?.name = name
  }

  /// Makes every use of `old`, as an input of a node and as an output of the graph, a use of `new`,
  /// but for the inputs of the nodes in `exceptions`.
  package mutating func replaceUses(
    of old: ValueID, with new: ValueID, except exceptions: Set<NodeID> = []
  ) {
    replaceUses(of: old, with: new, in: Set(userSlots[old.index]).subtracting(exceptions))
    for index in outputs.indices where outputs[index].value == old { outputs[index].value = new }
  }

  /// Makes every use of `old` as an input of these nodes a use of `new`.
  package mutating func replaceUses(of old: ValueID, with new: ValueID, in readers: Set<NodeID>) {
    let users = userSlots[old.index]
    userSlots[old.index] = users.filter { !readers.contains($0) }
    for user in users where readers.contains(user) {
      guard let position = nodeSlots[user.index]?.inputs.firstIndex(of: old) else { continue }
      nodeSlots[user.index]?.inputs[position] = new
      userSlots[new.index].append(user)
    }
  }

  /// Removes nodes that no output depends on, and constants without use. Inputs stay.
  /// - Returns: the number of nodes removed.
  @discardableResult
  package mutating func removeDeadNodes() -> Int {
    // Users after what they use, so that one round is enough.
    let results = Set(outputs.map(\.value))
    var removed = 0
    for node in nodesInOrder.reversed() where removeIfDead(node, results) { removed += 1 }
    for value in values {
      guard case .constant = self[value].definition, userSlots[value.index].isEmpty, !results.contains(value)
      else { continue }
      valueSlots[value.index] = nil
    }
    return removed
  }

  /// Removes the makers of values that nothing uses, and then what only they used.
  /// - Returns: the number of nodes removed.
  @discardableResult
  package mutating func removeDeadNodes(making values: [ValueID]) -> Int {
    let results = Set(outputs.map(\.value))
    var work = values
    var removed = 0
    while let value = work.popLast() {
      guard contains(value), userSlots[value.index].isEmpty, !results.contains(value) else { continue }
      switch self[value].definition {
      case .input: continue
      case .constant: valueSlots[value.index] = nil
      case .node(let node, _):
        guard contains(node) else { continue }
        let inputs = self[node].inputs
        guard removeIfDead(node, results) else { continue }
        removed += 1
        work += inputs
      }
    }
    return removed
  }

  private mutating func removeIfDead(_ id: NodeID, _ results: Set<ValueID>) -> Bool {
    let node = self[id]
    let isUsed = node.outputs.contains { output in
      !userSlots[output.index].isEmpty || results.contains(output)
    }
    guard !isUsed else { return false }
    for input in Set(node.inputs) { userSlots[input.index].removeAll { $0 == id } }
    for output in node.outputs { valueSlots[output.index] = nil }
    nodeSlots[id.index] = nil
    return true
  }
}
