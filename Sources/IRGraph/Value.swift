import IRTensor

/// Names a value of one graph.
public struct ValueID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let index: Int
  package init(index: Int) { self.index = index }
  public static func < (a: ValueID, b: ValueID) -> Bool { a.index < b.index }
  public var description: String { "%\(index)" }
}

/// An edge of the graph: typed, assigned once, by a node, as an input, or as a constant.
public struct Value: Hashable, Sendable {
  public enum Definition: Hashable, Sendable {
    case input
    case constant(Tensor)
    case node(NodeID, output: Int)
  }

  public var name: String
  public var type: TensorType
  public var definition: Definition
}

/// Names a node of one graph.
public struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let index: Int
  package init(index: Int) { self.index = index }
  public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
  public var description: String { "node \(index)" }
}

/// One use of an operator.
public struct Node: Sendable {
  public var name: String
  public var `operator`: any Operator
  public var inputs: [ValueID]
  public var outputs: [ValueID]
}
