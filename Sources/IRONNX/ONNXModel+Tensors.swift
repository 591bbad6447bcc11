extension ONNXModel {
  /// Visits every tensor of the model: initializers and attributes, in subgraphs and functions too.
  package mutating func forEachTensor(_ body: (inout ONNXTensor) throws(ONNXError) -> Void) throws(ONNXError)
  {
    try graph.forEachTensor(body)
    for index in functions.indices {
      for node in functions[index].nodes.indices { try functions[index].nodes[node].forEachTensor(body) }
      try functions[index].attributeDefaults.forEachTensor(body)
    }
  }

  /// Takes what was read of mapped weights out of the process; the next read brings it back.
  package func releasePages() {
    for tensor in graph.initializers {
      if case .bytes(let storage, _) = tensor.data { storage.releasePages() }
    }
  }

  /// Replaces the data of every tensor that lies outside the file.
  mutating func resolveExternalData(
    _ load: (ONNXTensor, [ONNXProperty]) throws(ONNXError) -> ONNXTensor.Data
  ) throws(ONNXError) {
    try forEachTensor { (tensor) throws(ONNXError) in
      guard case .external(let properties) = tensor.data else { return }
      tensor.data = try load(tensor, properties)
    }
  }
}

extension ONNXGraph {
  /// Visits initializers and tensors in attributes, subgraphs included.
  package mutating func forEachTensor(_ body: (inout ONNXTensor) throws(ONNXError) -> Void) throws(ONNXError)
  {
    for index in initializers.indices { try body(&initializers[index]) }
    for index in sparseInitializers.indices { try sparseInitializers[index].forEachTensor(body) }
    for index in nodes.indices { try nodes[index].forEachTensor(body) }
  }
}

extension ONNXNode {
  package mutating func forEachTensor(_ body: (inout ONNXTensor) throws(ONNXError) -> Void) throws(ONNXError)
  {
    try attributes.forEachTensor(body)
  }
}

extension ONNXSparseTensor {
  fileprivate mutating func forEachTensor(
    _ body: (inout ONNXTensor) throws(ONNXError) -> Void
  ) throws(ONNXError) {
    try body(&values)
    try body(&indices)
  }
}

extension [ONNXNamedAttribute] {
  fileprivate mutating func forEachTensor(
    _ body: (inout ONNXTensor) throws(ONNXError) -> Void
  ) throws(ONNXError) {
    for index in indices {
      switch self[index].value {
      case .tensor(var tensor):
        try body(&tensor)
        self[index].value = .tensor(tensor)
      case .tensors(var tensors):
        for position in tensors.indices { try body(&tensors[position]) }
        self[index].value = .tensors(tensors)
      case .graph(var graph):
        try graph.forEachTensor(body)
        self[index].value = .graph(graph)
      case .graphs(var graphs):
        for position in graphs.indices { try graphs[position].forEachTensor(body) }
        self[index].value = .graphs(graphs)
      case .sparseTensor(var tensor):
        try tensor.forEachTensor(body)
        self[index].value = .sparseTensor(tensor)
      case .sparseTensors(var tensors):
        for position in tensors.indices { try tensors[position].forEachTensor(body) }
        self[index].value = .sparseTensors(tensors)
      default: break
      }
    }
  }
}
