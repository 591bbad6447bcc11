import IRGraph
import IRTensor

/// The sums of transposed attention over its wide values, in one pass: all products of a channel of x with a
/// channel of y, summed over the pixels, and the Euclidean norm of every channel; made by the compiler only.
///
/// Inputs x `[N, G · A, H, W]` and y `[N, G · B, H, W]`. Outputs the products `[N, G, A, B]`, the norms of x
/// `[N, G, A, 1]` and of y `[N, G, B, 1]`.
package struct ChannelGram: ContractionOperator {
  /// G; channels are multiplied with those of their own group.
  package var groupCount: Int
  package static let name = "ChannelGram"

  package init(groupCount: Int) { self.groupCount = groupCount }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireSameElementType(inputs, Self.name)
    let (x, y) = (inputs[0].shape, inputs[1].shape)
    guard inputs[0].elementType.isFloatingPoint else {
      throw TypeError("ChannelGram.floatingPoint", "feature maps of \(inputs[0].elementType)")
    }
    guard x.rank == 4, y.rank == 4, x[0] == y[0], x[2] == y[2], x[3] == y[3] else {
      throw TypeError("ChannelGram.featureMaps", "feature maps of shapes \(x) and \(y)")
    }
    guard groupCount > 0, x[1] % groupCount == 0, y[1] % groupCount == 0 else {
      throw TypeError(
        "ChannelGram.groups", "\(x[1]) and \(y[1]) channels are not \(groupCount) groups of equal size")
    }
    let (a, b) = (x[1] / groupCount, y[1] / groupCount)
    return [[x[0], groupCount, a, b], [x[0], groupCount, a, 1], [x[0], groupCount, b, 1]].map {
      inputs[0].with(shape: Shape($0))
    }
  }

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    guard inputs.count == 2, groupCount > 0 else { return 0 }
    return inputs[0].shape.elementCount * (inputs[1].shape[1] / groupCount)
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let rows = inputs.map { map -> Tensor in
      let shape = map.shape
      let pixels = shape[2] * shape[3]
      return map.reshaped(to: Shape([shape[0], groupCount, shape[1] / groupCount, pixels]))
    }
    return MatrixMultiply(transposesB: true).evaluate(rows)
      + rows.flatMap { Reduce(.l2, axes: [3]).evaluate([$0]) }
  }
}

extension ChannelGram: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    [.same(0), .mixed, .mixed, .mixed]
  }
}
