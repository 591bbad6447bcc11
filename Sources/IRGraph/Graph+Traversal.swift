import IRTensor

extension Graph {
  /// Every node after the nodes it depends on; otherwise in order of identifiers. Nodes on a cycle
  /// are left out (the verifier names them).
  package var nodesInOrder: [NodeID] {
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

  /// The nodes that read a value, once per use.
  package func users(of value: ValueID) -> [NodeID] { userSlots[value.index] }

  /// Whether the value is a result of the graph.
  package func isOutput(_ value: ValueID) -> Bool { outputs.contains { $0.value == value } }

  /// The only node that reads the value, if it reads it once and the value is not a result of the graph.
  package func onlyUser(of value: ValueID) -> NodeID? {
    userSlots[value.index].count == 1 && !isOutput(value) ? userSlots[value.index][0] : nil
  }

  /// The number of elements of all constants.
  package var parameterCount: Int {
    valueSlots.reduce(0) { sum, value in
      if let value, case .constant = value.definition { sum + value.type.shape.elementCount } else { sum }
    }
  }

  /// Multiply-adds of one run, over the contractions and convolutions.
  package var multiplyAddCount: Int {
    nodesInOrder.reduce(0) { $0 + multiplyAddCount(of: $1) }
  }

  /// Multiply-adds of one node; 0 for operators that are not contractions.
  package func multiplyAddCount(of node: NodeID) -> Int {
    (self[node].operator as? any ContractionOperator)?.multiplyAddCount(for: inputTypes(of: node)) ?? 0
  }
}
