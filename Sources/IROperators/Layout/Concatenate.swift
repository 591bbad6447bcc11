import IRGraph
import IRTensor

/// The inputs one after another along an axis.
package struct Concatenate: Operator {
  package var axis: Int
  package static let name = "Concatenate"

  package init(axis: Int) { self.axis = axis }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    guard let first = inputs.first else { throw TypeError("Concatenate.inputCount", "has no inputs") }
    try requireAxis(axis, first.shape, Self.name)
    try requireSameElementType(inputs, Self.name)
    var shape = first.shape
    for input in inputs.dropFirst() {
      var other = input.shape
      guard other.rank == shape.rank else {
        throw TypeError("Concatenate.rank", "\(first.shape) with \(input.shape)")
      }
      let (sum, overflow) = shape[axis].addingReportingOverflow(other[axis])
      other[axis] = shape[axis]
      guard other == shape, !overflow else {
        throw TypeError("Concatenate.extents", "\(first.shape) with \(input.shape) along axis \(axis)")
      }
      shape[axis] = sum
    }
    return [first.with(shape: shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var shape = inputs[0].shape
    shape[axis] = inputs.reduce(0) { $0 + $1.shape[axis] }
    let outer = shape.elementCount(in: 0..<axis)
    let inner = shape.elementCount(in: (axis + 1)..<shape.rank) * inputs[0].elementType.byteCount
    return [
      Tensor(inputs[0].type.with(shape: shape)) { bytes in
        var position = 0
        for o in 0..<outer {
          for input in inputs {
            let size = input.shape[axis] * inner
            input.withUnsafeBytes { source in
              for byte in 0..<size { bytes[position + byte] = source[o * size + byte] }
            }
            position += size
          }
        }
      }
    ]
  }
}

extension Concatenate: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank, mixing: [axis])
  }
}

extension Concatenate: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let sizes = context.inputs.map { g.shape(of: $0)[axis] }
    return try g.apply(Split(axis: axis, sizes: sizes), [c]).map { $0 }
  }
}
