/// The order in which nodes of one graph can be imported: each after those that make its inputs.
enum NodeOrder {
  enum Failure: Error {
    /// The node at this position needs its own result, by way of this input.
    case cycle(position: Int, input: String)
  }

  /// Positions of the nodes, in the file's order as far as that is possible. Names in `known` have a value before any
  /// of the nodes.
  static func sorted(_ nodes: [ONNXNode], known: Set<String>) throws(Failure) -> [Int] {
    var producers: [String: Int] = [:]
    for (position, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty && producers[output] == nil && !known.contains(output)
      {
        producers[output] = position
      }
    }
    var isSorted = true
    let needed = nodes.enumerated().map { position, node -> [(producer: Int, name: String)] in
      var names = node.inputs
      for attribute in node.attributes { names += captured(attribute.value) }
      let result = names.compactMap { name in producers[name].map { (producer: $0, name: name) } }
      isSorted = isSorted && result.allSatisfy { $0.producer < position }
      return result
    }
    if isSorted { return Array(nodes.indices) }

    enum Mark { case new, open, done }
    var marks = [Mark](repeating: .new, count: nodes.count)
    var order: [Int] = []
    order.reserveCapacity(nodes.count)
    for root in nodes.indices where marks[root] == .new {
      var stack = [(position: root, next: 0)]
      marks[root] = .open
      while let (position, next) = stack.last {
        guard next < needed[position].count else {
          marks[position] = .done
          order.append(position)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].next += 1
        let need = needed[position][next]
        switch marks[need.producer] {
        case .done: continue
        case .open: throw .cycle(position: position, input: need.name)
        case .new:
          marks[need.producer] = .open
          stack.append((need.producer, 0))
        }
      }
    }
    return order
  }

  /// The names that graphs inside an attribute read from the graph around them.
  private static func captured(_ attribute: ONNXAttribute) -> [String] {
    switch attribute {
    case .graph(let graph): captured(graph)
    case .graphs(let graphs): graphs.flatMap { captured($0) }
    default: []
    }
  }

  private static func captured(_ graph: ONNXGraph) -> [String] {
    var own = Set(graph.inputs.map(\.name) + graph.initializers.map(\.name))
    for node in graph.nodes { own.formUnion(node.outputs) }
    var names: [String] = graph.outputs.map(\.name)
    for node in graph.nodes {
      names += node.inputs
      for attribute in node.attributes { names += captured(attribute.value) }
    }
    return Array(Set(names).subtracting(own))
  }
}
