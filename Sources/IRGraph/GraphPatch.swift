import IRTensor

/// A proposed change: new nodes and constants, and values whose uses move to others. Rules return
/// patches; only the driver applies them.
package struct GraphPatch: Sendable {
  /// A value of the graph, or one that this patch makes.
  package enum Operand: Hashable, Sendable {
    case existing(ValueID)
    case new(Int)
  }

  enum Step: Sendable {
    case constant(Tensor, name: String)
    case node(any Operator, inputs: [Operand], name: String, outputCount: Int)
  }

  var steps: [Step] = []
  var replacements: [(old: ValueID, new: Operand)] = []
  private var newCount = 0
  private var newTypes: [TensorType] = []
  private let target: Target

  /// The graph until the patch is applied: then it is let go, so that its changes copy nothing.
  ///
  /// Unchecked: the thread that makes a patch applies it, before others see either.
  private final class Target: @unchecked Sendable {
    var graph: Graph?
    init(_ graph: Graph) { self.graph = graph }
  }

  /// A patch to `graph`, whose types the new nodes are checked against as they are added. It is applied once.
  package init(to graph: Graph) { target = Target(graph) }

  private var graph: Graph {
    guard let graph = target.graph else { preconditionFailure("the patch was applied already") }
    return graph
  }

  fileprivate func releaseGraph() { target.graph = nil }

  /// The type of an operand.
  package func type(of operand: Operand) -> TensorType {
    switch operand {
    case .existing(let value): graph[value].type
    case .new(let index): newTypes[index]
    }
  }

  package mutating func constant(_ tensor: Tensor, name: String) -> Operand {
    steps.append(.constant(tensor, name: name))
    return made(tensor.type)
  }

  /// Adds a node.
  /// - Throws: `GraphError.type` if the operator refuses the inputs.
  package mutating func node(
    _ operator: any Operator, _ inputs: [Operand], name: String
  ) throws(GraphError) -> [Operand] {
    let types: [TensorType]
    do { types = try `operator`.outputTypes(for: inputs.map { type(of: $0) }) } catch {
      throw .type(node: name, operator: `operator`.name, error)
    }
    steps.append(.node(`operator`, inputs: inputs, name: name, outputCount: types.count))
    return types.map { made($0) }
  }

  /// As `node`, for an operator of one output.
  package mutating func value(
    _ operator: any Operator, _ inputs: [Operand], name: String
  ) throws(GraphError) -> Operand {
    try node(`operator`, inputs, name: name)[0]
  }

  /// Moves all uses of `old` to `new`.
  /// - Precondition: both have the same type.
  package mutating func replace(_ old: ValueID, with new: Operand) {
    precondition(graph[old].type == type(of: new), "\(graph[old].type) replaced with \(type(of: new))")
    replacements.append((old, new))
  }

  private mutating func made(_ type: TensorType) -> Operand {
    newTypes.append(type)
    newCount += 1
    return .new(newCount - 1)
  }
}

extension Graph {
  /// Applies a patch and removes the nodes that nothing uses any more.
  /// - Returns: the nodes added.
  @discardableResult
  package mutating func apply(_ patch: GraphPatch) throws(GraphError) -> [NodeID] {
    patch.releaseGraph()
    var made: [ValueID] = []
    var added: [NodeID] = []
    func resolve(_ operand: GraphPatch.Operand) -> ValueID {
      switch operand {
      case .existing(let value): value
      case .new(let index): made[index]
      }
    }
    for step in patch.steps {
      switch step {
      case .constant(let tensor, let name): made.append(addConstant(tensor, name: name))
      case .node(let `operator`, let inputs, let name, _):
        added.append(NodeID(index: nodeSlots.count))
        made += try addNode(`operator`, inputs: inputs.map(resolve), name: name)
      }
    }
    for (old, new) in patch.replacements {
      let target = resolve(new)
      // A node of the patch that reads the old value keeps reading it.
      replaceUses(of: old, with: target, except: Set(added))
    }
    removeDeadNodes(making: patch.replacements.map(\.old) + made)
    return added.filter { contains($0) }
  }
}
