import IRTensor

/// The things that a model leaves open and a graph must know: symbolic sizes by name, and the values of
/// inputs that decide shapes. A size without a name is called after its input and axis: `image.2`.
package struct ONNXBinding: Sendable {
  package var dimensions: [String: Int]
  package var values: [String: Tensor]
  /// The element types and shapes of inputs that are sequences or optionals: one for each element. An
  /// optional that is not named here has no element.
  package var elements: [String: [TensorType]]

  package init(
    dimensions: [String: Int] = [:], values: [String: Tensor] = [:], elements: [String: [TensorType]] = [:]
  ) {
    self.dimensions = dimensions
    self.values = values
    self.elements = elements
  }
}

extension ONNXValueInfo {
  /// The name under which a binding holds the size of an axis; nil if the model fixes it, or declares no
  /// such axis.
  package func openDimension(_ axis: Int) -> String? {
    guard case .tensor(_, let shape?) = type, shape.indices.contains(axis) else { return nil }
    switch shape[axis] {
    case .fixed(let extent) where extent >= 0: return nil
    case .symbolic(let symbol) where !symbol.isEmpty: return symbol
    default: return "\(name).\(axis)"
    }
  }
}

extension ONNXModel {
  /// The graph's inputs that are not initializers.
  package var graphInputs: [ONNXValueInfo] {
    let initializers = Set(graph.initializers.map(\.name))
    return graph.inputs.filter { !initializers.contains($0.name) }
  }

  /// The names of the sizes that inputs leave open, in order of appearance.
  package var openDimensions: [String] {
    var result: [String] = []
    var known: Set<String> = []
    for input in graphInputs {
      guard case .tensor(_, let shape?) = input.type else { continue }
      for name in shape.indices.compactMap({ input.openDimension($0) }) where known.insert(name).inserted {
        result.append(name)
      }
    }
    return result
  }
}
