import IRTensor

/// A static, typed computation graph in single-assignment form: a value, changed by a builder and by
/// patches only, with every shape known.
///
/// Identifiers stay valid across changes; removed nodes and values leave holes.
package struct Graph: Sendable {
  /// One result of the graph under its public name.
  package struct Output: Hashable, Sendable {
    package var name: String
    package var value: ValueID
  }

  package var name: String
  package var inputs: [ValueID] = []
  package var outputs: [Output] = []
  /// Free text about the graph (task, licence, range, …) that travels through files.
  package var metadata: [String: String] = [:]

  package var valueSlots: [Value?] = []
  package var nodeSlots: [Node?] = []
  /// For each value slot the nodes that read it, once per use.
  package var userSlots: [[NodeID]] = []

  package init(name: String = "graph") { self.name = name }

  /// - Precondition: the value is part of the graph.
  package subscript(value: ValueID) -> Value {
    guard let result = valueSlots[value.index] else { preconditionFailure("\(value) was removed") }
    return result
  }

  /// - Precondition: the node is part of the graph.
  package subscript(node: NodeID) -> Node {
    guard let result = nodeSlots[node.index] else { preconditionFailure("\(node) was removed") }
    return result
  }

  package func contains(_ value: ValueID) -> Bool {
    valueSlots.indices.contains(value.index) && valueSlots[value.index] != nil
  }

  package func contains(_ node: NodeID) -> Bool {
    nodeSlots.indices.contains(node.index) && nodeSlots[node.index] != nil
  }

  /// Every value, in order of identifiers.
  package var values: [ValueID] {
    valueSlots.indices.lazy.filter { valueSlots[$0] != nil }.map { ValueID(index: $0) }
  }

  package var nodeCount: Int { nodeSlots.reduce(0) { $0 + ($1 == nil ? 0 : 1) } }

  /// The constant a value holds, or nil if it is computed or given.
  package func constant(_ value: ValueID) -> Tensor? {
    if case .constant(let tensor) = self[value].definition { tensor } else { nil }
  }

  /// The node that computes a value, or nil for inputs and constants.
  package func producer(of value: ValueID) -> NodeID? {
    if case .node(let node, _) = self[value].definition { node } else { nil }
  }

  package func inputTypes(of node: NodeID) -> [TensorType] { self[node].inputs.map { self[$0].type } }
  package func outputTypes(of node: NodeID) -> [TensorType] { self[node].outputs.map { self[$0].type } }
}
