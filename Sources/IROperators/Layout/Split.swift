import IRGraph
import IRTensor

/// The input cut into runs along an axis.
package struct Split: Operator {
  package var axis: Int
  package var sizes: [Int]
  package static let name = "Split"

  package init(axis: Int, sizes: [Int]) {
    self.axis = axis
    self.sizes = sizes
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let shape = inputs[0].shape
    try requireAxis(axis, shape, Self.name)
    var sum = 0
    for size in sizes {
      guard size >= 0, size <= shape[axis] - sum else {
        throw TypeError("Split.sizes", "sizes \(sizes) of an axis of \(shape[axis])")
      }
      sum += size
    }
    guard sum == shape[axis] else {
      throw TypeError("Split.sizes", "sizes \(sizes) of an axis of \(shape[axis])")
    }
    return sizes.map {
      var part = shape
      part[axis] = $0
      return inputs[0].with(shape: part)
    }
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    var start = 0
    return sizes.map { size in
      var part = shape
      part[axis] = size
      defer { start += size }
      return inputs[0].gathered(
        offsets(in: shape, of: part) { index, axis in axis == self.axis ? index + start : index }, shape: part
      )
    }
  }
}

extension Split: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let start = sizes[..<output].reduce(0, +)
    return types.inputs[0].shape.indices.map { $0 == axis ? .window($0, .shift(start)) : .same($0) }
  }
}

extension Split: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard context.ofOutputs.contains(where: { $0 != nil }) else { return context.none }
    var parts: [ValueID] = []
    for (output, c) in zip(context.outputs, context.ofOutputs) {
      parts.append(c ?? g.zeros(g.type(of: output)))
    }
    return [try g.value(Concatenate(axis: axis), parts)]
  }
}
