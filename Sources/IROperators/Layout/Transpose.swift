import IRGraph
import IRTensor

/// Axis i of the result is axis `permutation[i]` of the input.
package struct Transpose: Operator {
  package var permutation: [Int]
  package static let name = "Transpose"

  package init(permutation: [Int]) { self.permutation = permutation }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard permutation.sorted() == Array(0..<inputs[0].shape.rank) else {
      throw TypeError("Transpose.permutation", "\(permutation) does not permute \(inputs[0].shape.rank) axes")
    }
    return [inputs[0].with(shape: Shape(permutation.map { inputs[0].shape[$0] }))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = Shape(permutation.map { inputs[0].shape[$0] })
    let strides = inputs[0].shape.strides
    return [
      inputs[0].gathered(StridedWalk(shape, strides: permutation.map { strides[$0] }).offsets, shape: shape)
    ]
  }
}

extension Transpose: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    permutation.map { .same($0) }
  }
}

extension Transpose: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    var inverse = permutation
    for (position, axis) in permutation.enumerated() { inverse[axis] = position }
    return [try g.value(Transpose(permutation: inverse), [c])]
  }
}
