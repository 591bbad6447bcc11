import IRGraph
import IRTensor

/// What transposed attention needs of its wide values, in one pass over them: all products of a channel of x
/// with a channel of y, summed over the pixels, and the Euclidean norm of every channel; made by the compiler
/// only.
///
/// Inputs x `[N, G · A, H, W]` and y `[N, G · B, H, W]`. Outputs the products `[N, G, A, B]`, the norms of x
/// `[N, G, A, 1]` and of y `[N, G, B, 1]`.
public struct ChannelGram: ContractionOperator {
  /// G; channels are multiplied with those of their own group.
  public var groupCount: Int
  public static let name = "ChannelGram"

  public init(groupCount: Int) { self.groupCount = groupCount }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireSameElementType(inputs, Self.name)
    let (x, y) = (inputs[0].shape, inputs[1].shape)
    guard inputs[0].elementType.isFloatingPoint else {
      throw TypeError("ChannelGram.floatingPoint", "pictures of \(inputs[0].elementType)")
    }
    guard x.rank == 4, y.rank == 4, x[0] == y[0], x[2] == y[2], x[3] == y[3] else {
      throw TypeError("ChannelGram.pictures", "pictures of shapes \(x) and \(y)")
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

  public func multiplyAddCount(for inputs: [TensorType]) -> Int {
    guard inputs.count == 2, groupCount > 0 else { return 0 }
    return inputs[0].shape.elementCount * (inputs[1].shape[1] / groupCount)
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let rows = inputs.map { picture -> Tensor in
      let shape = picture.shape
      let pixels = shape[2] * shape[3]
      return picture.reshaped(to: Shape([shape[0], groupCount, shape[1] / groupCount, pixels]))
    }
    return MatrixMultiply(transposesB: true).evaluate(rows)
      + rows.flatMap { Reduce(.l2, axes: [3]).evaluate([$0]) }
  }
}
