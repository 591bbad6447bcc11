import IRTensor

extension Graph {
  /// Every node after the nodes it depends on; otherwise in order of identifiers. Nodes on a cycle
  /// are left out (the verifier names them).
  public var nodesInOrder: [NodeID] {
    enum Mark { case new, open, done }
    var marks = [Mark](repeating: .new, count: nodeSlots.count)
    var result: [NodeID] = []
    result.reserveCapacity(nodeSlots.count)
    var stack: [(node: Int, nextInput: Int)] = []
    for start in nodeSlots.indices where nodeSlots[start] != nil && marks[start] == .new {
      stack.append((start, 0))
      marks[start] = .open
      while let (index, next) = stack.last {
        guard let node = nodeSlots[index] else { preconditionFailure("removed node in use") }
        if next == node.inputs.count {
          stack.removeLast()
          marks[index] = .done
          result.append(NodeID(index: index))
          continue
        }
        stack[stack.count - 1].nextInput += 1
        guard let producer = producer(of: node.inputs[next])?.index, marks[producer] == .new else { continue }
        marks[producer] = .open
        stack.append((producer, 0))
      }
    }
    return result
  }

  /// For each value used by a node, those nodes in order of identifiers, once per use.
  public var users: [ValueID: [NodeID]] {
    var result: [ValueID: [NodeID]] = [:]
    for index in nodeSlots.indices {
      guard let node = nodeSlots[index] else { continue }
      for input in node.inputs { result[input, default: []].append(NodeID(index: index)) }
    }
    return result
  }

  /// The number of elements of all constants.
  public var parameterCount: Int {
    valueSlots.reduce(0) { sum, value in
      if let value, case .constant = value.definition { sum + value.type.shape.elementCount } else { sum }
    }
  }

  /// Multiply-adds of one run, over the contractions and convolutions.
  public var multiplyAddCount: Int {
    nodesInOrder.reduce(0) { $0 + multiplyAddCount(of: $1) }
  }

  /// Multiply-adds of one node; 0 for operators that are not contractions.
  public func multiplyAddCount(of node: NodeID) -> Int {
    (self[node].operator as? any ContractionOperator)?.multiplyAddCount(for: inputTypes(of: node)) ?? 0
  }
}
