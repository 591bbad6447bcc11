import IRGraph
import IRTensor

extension ONNXModel {
  /// The initializers that may be weights, in the file's order: floating point, with an axis at least
  /// (numbers without one are what exporters write constants of formulas as).
  package var parameterCandidates: [String] {
    graph.initializers.filter { initializer in
      guard let type = ElementType(rawValue: initializer.dataType) else { return false }
      return (type == .float32 || type == .float16) && !initializer.dims.isEmpty
    }.map(\.name)
  }

  /// The initializers of these names.
  /// - Throws: `ONNXError.tensor` for one that is missing or damaged.
  package func initializers(named names: [String]) throws(ONNXError) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for initializer in graph.initializers where names.contains(initializer.name) {
      result[initializer.name] = try initializer.tensor()
    }
    for name in names where result[name] == nil {
      throw .tensor(name: name, detail: "the model has no initializer of this name")
    }
    return result
  }

  /// Puts other values into initializers, by name; each keeps its element type, and all else stays as it was.
  /// - Throws: `ONNXError.tensor` if a name is missing or a shape is another.
  package mutating func replaceInitializers(_ tensors: [String: Tensor]) throws(ONNXError) {
    var missing = Set(tensors.keys)
    for index in graph.initializers.indices {
      let initializer = graph.initializers[index]
      guard let tensor = tensors[initializer.name] else { continue }
      guard initializer.dims == tensor.shape.map({ Int64($0) }) else {
        throw .tensor(
          name: initializer.name,
          detail: "its dimensions are \(initializer.dims), the new values' \(tensor.shape)")
      }
      let type = ElementType(rawValue: initializer.dataType) ?? tensor.elementType
      var replaced = ONNXTensor(tensor.converted(to: type), name: initializer.name)
      (replaced.docString, replaced.metadata) = (initializer.docString, initializer.metadata)
      graph.initializers[index] = replaced
      missing.remove(initializer.name)
    }
    if let name = missing.sorted().first {
      throw .tensor(name: name, detail: "the model has no initializer of this name")
    }
  }
}

extension ONNXImporter {
  /// The graph for one set of sizes with weights as float32 inputs, under their names in the file, after the
  /// model's own inputs.
  ///
  /// A candidate whose value decides a shape or an attribute stays a constant, as does one that nothing
  /// reads. `candidates` are the initializers that are to become inputs.
  /// - Returns: the graph, and the names of those that did, in the file's order.
  /// - Throws: as `graph(binding:)`.
  package func trainingGraph(
    binding: ONNXBinding, candidates: [String]
  ) throws(ONNXError) -> (graph: Graph, parameters: [String]) {
    var names = Set(candidates)
    while true {
      let missing: [String]
      switch Result(catching: { () throws(ONNXError) in try graph(binding: binding, parameters: names) }) {
      case .success(var graph):
        let unused = graph.inputs.filter { names.contains(graph[$0].name) && graph.users(of: $0).isEmpty }
        names.subtract(unused.map { graph[$0].name })
        graph.removeInputs(unused)
        return (graph, candidates.filter { names.contains($0) })
      case .failure(.unboundValues(let inputs)): missing = inputs
      case .failure(let error): throw error
      }
      let needed = names.intersection(missing)
      guard !needed.isEmpty else { throw .unboundValues(inputs: missing) }
      names.subtract(needed)
    }
  }
}
