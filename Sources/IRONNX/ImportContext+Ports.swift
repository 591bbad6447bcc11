import IRGraph
import IRTensor

/// Inputs and outputs of the model as those of the graph. A sequence is one input or output of the graph for
/// each element: `name.0`, `name.1`, …; an optional without an element has none.
extension ImportContext {
  func addInputs(_ binding: ONNXBinding) throws(ONNXError) {
    for input in model.graphInputs {
      if let value = binding.values[input.name] {
        values[input.name] = .tensor(builder.constant(value, name: input.name))
        continue
      }
      switch input.type {
      case .sequence(.tensor):
        guard let types = binding.elements[input.name] else {
          throw refused(
            input.name, "input \(input.name) is a sequence: the types of its elements must be given")
        }
        values[input.name] = .sequence(try elements(input.name, types))
      case .optional(.sequence(.tensor)):
        let types = binding.elements[input.name]
        values[input.name] =
          try types.map { types throws(ONNXError) in
            .sequence(try elements(input.name, types))
          } ?? .absent
      case .optional(.tensor):
        guard let type = binding.elements[input.name]?.first else { values[input.name] = .absent; continue }
        values[input.name] = .tensor(try graphInput(input.name, type))
      case .tensor(let raw, let shape):
        guard let elementType = ElementType(rawValue: raw) else {
          throw refused(
            input.name,
            "input \(input.name) holds \(ONNXTensor.typeName(raw)), an element type that is not supported")
        }
        guard let shape else { throw .unboundValues(inputs: [input.name]) }
        var extents: [Int] = []
        for (axis, dimension) in shape.enumerated() {
          // Some exporters write -1 for a size that is open.
          if case .fixed(let extent) = dimension, extent >= 0 {
            extents.append(Int(clamping: extent))
          } else {
            extents.append(input.openDimension(axis).flatMap { binding.dimensions[$0] } ?? 0)
          }
        }
        values[input.name] = .tensor(
          try graphInput(input.name, TensorType(elementType, Shape(extents))))
      default:
        throw refused(input.name, "input \(input.name) is not a tensor of a supported element type")
      }
    }
  }

  private func refused(_ name: String, _ advice: String) -> ONNXError {
    .unsupported(path: path, [problem("input", "", 0, name, advice)])
  }

  private func elements(_ name: String, _ types: [TensorType]) throws(ONNXError) -> [ValueID] {
    guard types.count <= ONNXLimits.portCount else {
      throw refused(name, "\(types.count) elements, the limit is \(ONNXLimits.portCount)")
    }
    var result: [ValueID] = []
    for (index, type) in types.enumerated() { result.append(try graphInput("\(name).\(index)", type)) }
    return result
  }

  private func graphInput(_ name: String, _ type: TensorType) throws(ONNXError) -> ValueID {
    guard Graph.holds(type) else {
      throw .tensor(name: name, detail: "the input's shape \(type.shape) is not a size")
    }
    let id = builder.input(name, type)
    sources[id] = [name]
    return id
  }

  /// The graph's outputs that an output of the model becomes, with their names.
  /// - Throws: `ONNXError.unboundValues` if its size hangs on a mask that is not known.
  func ports(
    of output: ONNXValueInfo, _ value: ImportedValue
  ) throws(ONNXError) -> [(name: String, value: ValueID)] {
    switch value {
    case .tensor(let value): return [(output.name, value)]
    case .sequence(let elements):
      return elements.enumerated().map { ("\(output.name).\($0.offset)", $0.element) }
    case .absent: return []
    case .masked(let masked):
      let inputs = origins(of: masked.mask)
      if !inputs.isEmpty { throw .unboundValues(inputs: inputs.sorted()) }
      do throws(ImportFailure) {
        guard let own = try MaskedReader.materialized(masked, self, name: output.name) else { return [] }
        return [(output.name, own)]
      } catch {
        guard case .unsupported(let advice) = error else {
          throw refused(output.name, "it cannot be computed")
        }
        throw refused(output.name, advice)
      }
    }
  }
}
