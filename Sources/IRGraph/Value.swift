import IRTensor

/// Names a value of one graph.
package struct ValueID: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let index: Int
  package init(index: Int) { self.index = index }
  package static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
  package var description: String { "%\(index)" }
}

/// An edge of the graph: typed, assigned once, by a node, as an input, or as a constant.
package struct Value: Hashable, Sendable {
  package enum Definition: Hashable, Sendable {
    case input
    case constant(Tensor)
    case node(NodeID, output: Int)
  }

  package var name: String
  package var type: TensorType
  package var definition: Definition
}

/// Names a node of one graph.
package struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
  package let index: Int
  package init(index: Int) { self.index = index }
  package static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
  package var description: String { "node \(index)" }
}

/// One use of an operator.
package struct Node: Sendable {
  package var name: String
  package var `operator`: any Operator
  package var inputs: [ValueID]
  package var outputs: [ValueID]
}
