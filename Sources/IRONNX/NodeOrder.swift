/// The order in which nodes of one graph can be imported: each after those that make its inputs.
enum NodeOrder {
  enum Failure: Error {
    /// The node at this position needs its own result, by way of this input.
    case cycle(position: Int, input: String)
    /// Graphs inside attributes, looked through at each turn of a loop and each call of a function, hold more
    /// names than the limit.
    case tooManyNames
  }

  /// Positions of the nodes, in the file's order as far as that is possible. Names in `known` have a value
  /// before any of the nodes. `nameCount` counts the names that graphs inside attributes hold.
  static func sorted(
    _ nodes: [ONNXNode], known: Set<String>, nameCount: inout Int
  ) throws(Failure) -> [Int] {
    var producers: [String: Int] = [:]
    for (position, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty && producers[output] == nil && !known.contains(output)
      {
        producers[output] = position
      }
    }
    var isSorted = true
    var needed: [[(producer: Int, name: String)]] = []
    for (position, node) in nodes.enumerated() {
      var names = node.inputs
      for attribute in node.attributes { names += try captured(attribute.value, &nameCount) }
      let result = names.compactMap { name in producers[name].map { (producer: $0, name: name) } }
      isSorted = isSorted && result.allSatisfy { $0.producer < position }
      needed.append(result)
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
  private static func captured(_ attribute: ONNXAttribute, _ count: inout Int) throws(Failure) -> [String] {
    switch attribute {
    case .graph(let graph): return try captured(graph, &count)
    case .graphs(let graphs):
      var names: [String] = []
      for graph in graphs { names += try captured(graph, &count) }
      return names
    default: return []
    }
  }

  private static func captured(_ graph: ONNXGraph, _ count: inout Int) throws(Failure) -> [String] {
    count += graph.inputs.count + graph.initializers.count + graph.outputs.count
    for node in graph.nodes { count += 1 + node.inputs.count + node.outputs.count + node.attributes.count }
    guard count <= ONNXLimits.capturedNameCount else { throw .tooManyNames }
    var own = Set(graph.inputs.map(\.name) + graph.initializers.map(\.name))
    for node in graph.nodes { own.formUnion(node.outputs) }
    var names: [String] = graph.outputs.map(\.name)
    for node in graph.nodes {
      names += node.inputs
      for attribute in node.attributes { names += try captured(attribute.value, &count) }
    }
    return Array(Set(names).subtracting(own))
  }
}
