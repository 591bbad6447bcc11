import IRGraph
import IRTensor

/// `condition ? a : b`, element by element under broadcasting.
package struct Select: Operator {
  package static let name = "Select"

  package init() {}

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    guard inputs[0].elementType == .bool else {
      throw TypeError("Select.condition", "the condition is \(inputs[0].elementType), must be bool")
    }
    try requireSameElementType(Array(inputs[1...]), Self.name)
    guard let values = inputs[1].shape.broadcast(with: inputs[2].shape),
      let shape = inputs[0].shape.broadcast(with: values)
    else {
      throw TypeError("Select.broadcast", "\(inputs.map(\.shape)) do not broadcast")
    }
    return [inputs[1].with(shape: shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let values = inputs[1].shape.broadcast(with: inputs[2].shape),
      let shape = inputs[0].shape.broadcast(with: values)
    else { preconditionFailure("checked by outputTypes") }
    let condition = inputs[0].broadcast(to: shape).booleans
    let (a, b) = (inputs[1].broadcast(to: shape), inputs[2].broadcast(to: shape))
    let size = a.elementType.byteCount
    return [
      a.withUnsafeBytes { x in
        b.withUnsafeBytes { y in
          Tensor(a.type) { bytes in
            for (index, isTrue) in condition.enumerated() {
              for byte in (index * size)..<((index + 1) * size) { bytes[byte] = isTrue ? x[byte] : y[byte] }
            }
          }
        }
      }
    ]
  }
}

extension Select: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .broadcasting(types.inputs[input].shape, to: types.outputs[output].shape)
  }
}

extension Select: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let zero = g.zeros(TensorType(g.type(of: c).elementType, .scalar))
    var result = context.none
    if context.isWanted[1] {
      let chosen = try g.value(Select(), [context.inputs[0], c, zero])
      result[1] = try g.summed(chosen, to: g.shape(of: context.inputs[1]))
    }
    if context.isWanted[2] {
      let chosen = try g.value(Select(), [context.inputs[0], zero, c])
      result[2] = try g.summed(chosen, to: g.shape(of: context.inputs[2]))
    }
    return result
  }
}
