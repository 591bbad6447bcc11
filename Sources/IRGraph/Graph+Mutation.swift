import IRTensor

extension Graph {
  package mutating func addValue(_ value: Value) -> ValueID {
    valueSlots.append(value)
    return ValueID(index: valueSlots.count - 1)
  }

  /// Adds an input.
  public mutating func addInput(_ name: String, _ type: TensorType) -> ValueID {
    let id = addValue(Value(name: name, type: type, definition: .input))
    inputs.append(id)
    return id
  }

  /// Adds a constant.
  public mutating func addConstant(_ tensor: Tensor, name: String) -> ValueID {
    addValue(Value(name: name, type: tensor.type, definition: .constant(tensor)))
  }

  /// Adds a result; a value may be several results.
  public mutating func addOutput(_ value: ValueID, name: String) {
    precondition(contains(value))
    outputs.append(Output(name: name, value: value))
  }

  /// Adds a node and its outputs, typed by the operator.
  /// - Throws: `GraphError.type` where the operator refuses the inputs.
  @discardableResult
  public mutating func addNode(
    _ operator: any Operator, inputs: [ValueID], name: String
  ) throws(GraphError) -> [ValueID] {
    let types: [TensorType]
    do {
      types = try `operator`.outputTypes(for: inputs.map { self[$0].type })
    } catch {
      throw .type(node: name, operator: `operator`.name, error)
    }
    for type in types where !Graph.holds(type) { throw .tooLarge(node: name, operator: `operator`.name, type) }
    let node = NodeID(index: nodeSlots.count)
    let outputs = types.enumerated().map { index, type in
      addValue(
        Value(
          name: types.count == 1 ? name : "\(name).\(index)", type: type,
          definition: .node(node, output: index)))
    }
    nodeSlots.append(Node(name: name, operator: `operator`, inputs: inputs, outputs: outputs))
    return outputs
  }

  /// The most elements that one value may have: byte counts then never overflow.
  package static let elementCountLimit = 1 << 48
  /// The most that one extent may be, also of a value without elements: operators compute with extents.
  package static let extentLimit = 1 << 40

  /// Whether a value of this type is within the limits.
  package static func holds(_ type: TensorType) -> Bool {
    guard let count = type.shape.checkedElementCount else { return false }
    return count <= elementCountLimit && type.shape.allSatisfy { $0 <= extentLimit }
  }

  /// Names a value, for dumps.
  public mutating func rename(_ value: ValueID, to name: String) {
    valueSlots[value.index]?.name = name
  }

  /// Makes every use of `old`, as an input of a node and as an output of the graph, a use of `new`,
  /// but for the inputs of the nodes in `exceptions`.
  package mutating func replaceUses(
    of old: ValueID, with new: ValueID, except exceptions: Set<NodeID> = []
  ) {
    for index in nodeSlots.indices {
      guard let node = nodeSlots[index], node.inputs.contains(old) else { continue }
      guard !exceptions.contains(NodeID(index: index)) else { continue }
      nodeSlots[index]?.inputs = node.inputs.map { $0 == old ? new : $0 }
    }
    for index in outputs.indices where outputs[index].value == old { outputs[index].value = new }
  }

  /// Removes nodes that no output depends on, and values left without definition or use. Inputs stay.
  /// - Returns: the number of nodes removed.
  @discardableResult
  public mutating func removeDeadNodes() -> Int {
    var liveValues = Set(outputs.map(\.value))
    var liveNodes = Set<NodeID>()
    var work = Array(liveValues)
    while let value = work.popLast() {
      guard let node = producer(of: value), liveNodes.insert(node).inserted else { continue }
      for input in self[node].inputs where liveValues.insert(input).inserted { work.append(input) }
    }
    liveValues.formUnion(inputs)
    var removed = 0
    for index in nodeSlots.indices where nodeSlots[index] != nil {
      let id = NodeID(index: index)
      if liveNodes.contains(id) { liveValues.formUnion(self[id].outputs) }
    }
    for index in nodeSlots.indices where nodeSlots[index] != nil {
      guard !liveNodes.contains(NodeID(index: index)) else { continue }
      nodeSlots[index] = nil
      removed += 1
    }
    for index in valueSlots.indices where !liveValues.contains(ValueID(index: index)) {
      valueSlots[index] = nil
    }
    return removed
  }
}
