import IRGraph

/// Conversions that are done as blocks of pixels are read or written.
extension RegionPlanner {
  /// The value that a conversion here makes a value from; else the value itself.
  func converted(_ value: ValueID) -> ValueID {
    guard let producer = graph.producer(of: value), members.contains(producer),
      operations[producer]?.isConversion ?? false
    else { return value }
    return graph[producer].inputs[0]
  }

  /// The value that a conversion here makes of a value; nil if something else reads that.
  func conversion(of value: ValueID) -> ValueID? {
    guard let reader = graph.onlyUser(of: value), members.contains(reader),
      operations[reader]?.isConversion ?? false
    else { return nil }
    return graph[reader].outputs[0]
  }

  /// Whether a node is such a conversion.
  func isPartOfAMove(_ id: NodeID) -> Bool {
    guard operations[id]?.isConversion ?? false else { return false }
    let neighbours = [graph.producer(of: graph[id].inputs[0])] + graph.users(of: graph[id].outputs[0])
    return neighbours.contains { neighbour in
      guard let neighbour, members.contains(neighbour) else { return false }
      return operations[neighbour]?.parameters.blocks != nil
    }
  }
}
