import IRGraph
import IRTensor

extension ONNXImporter {
  /// The graph for inputs of these shapes. An input whose value decides a shape becomes a constant; the
  /// graph's own inputs are the others.
  /// Inputs are found by name, elements of sequences as `name.0`, `name.1`, …; one that is missing keeps its
  /// declared sizes.
  /// - Parameter inputs: the tensors that are to be run.
  /// - Returns: a verified graph.
  /// - Throws: as `graph(binding:)`, and `ONNXError.tensor` if a tensor is not what the model declares.
  package func graph(for inputs: [String: Tensor]) throws(ONNXError) -> Graph {
    var binding = try binding(for: inputs)
    while true {
      let missing: [String]
      switch Result(catching: { () throws(ONNXError) in try graph(binding: binding) }) {
      case .success(let graph): return graph
      case .failure(.unboundValues(let names)): missing = names
      case .failure(let error): throw error
      }
      let fresh = missing.filter { binding.values[$0] == nil && inputs[$0] != nil }
      guard !fresh.isEmpty else { throw .unboundValues(inputs: missing) }
      for name in fresh { binding.values[name] = inputs[name] }
    }
  }

  /// The model's open sizes as the tensors have them.
  private func binding(for inputs: [String: Tensor]) throws(ONNXError) -> ONNXBinding {
    var binding = ONNXBinding()
    for input in model.graphInputs {
      if let elements = elements(of: input, in: inputs) { binding.elements[input.name] = elements }
      guard case .tensor(let type, let shape?) = input.type, let tensor = inputs[input.name] else { continue }
      func refuse(_ detail: String) -> ONNXError { .tensor(name: input.name, detail: detail) }
      guard tensor.elementType.rawValue == type else {
        throw refuse("the input is \(tensor.type), the model takes \(ONNXTensor.typeName(type))")
      }
      guard shape.count == tensor.shape.rank else {
        throw refuse("the input is \(tensor.type), the model takes rank \(shape.count)")
      }
      for (axis, dimension) in shape.enumerated() {
        let extent = tensor.shape[axis]
        if case .fixed(let fixed) = dimension, fixed >= 0, fixed != extent {
          throw refuse("axis \(axis) is \(extent), the model takes \(fixed): it was exported for one size")
        }
        guard let name = input.openDimension(axis) else { continue }
        guard binding.dimensions.updateValue(extent, forKey: name).map({ $0 == extent }) ?? true else {
          throw refuse("axis \(axis) is \(extent), but another input has \(name) otherwise")
        }
      }
    }
    return binding
  }

  /// The types of the elements of an input that is a sequence or an optional; nil if it is neither, or an
  /// optional without an element.
  private func elements(of input: ONNXValueInfo, in inputs: [String: Tensor]) -> [TensorType]? {
    func sequence() -> [TensorType] {
      var types: [TensorType] = []
      while let tensor = inputs["\(input.name).\(types.count)"] { types.append(tensor.type) }
      return types
    }
    switch input.type {
    case .sequence: return sequence()
    case .optional(.sequence): return inputs["\(input.name).0"] == nil ? nil : sequence()
    case .optional: return inputs[input.name].map { [$0.type] }
    default: return nil
    }
  }
}
