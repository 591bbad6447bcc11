import IRGraph
import IROperators
import IRTensor

extension NetworkBuilder {
  /// The picture continued below and to the right to sides that are multiples of `multiple`. By reflection a
  /// picture smaller than its padding is mirrored again and again.
  package mutating func padded(
    _ x: ValueID, toMultipleOf multiple: Int, _ mode: PadMode, _ name: String = "padded"
  ) throws(GraphError) -> ValueID {
    guard multiple > 1 else { return x }
    let size = SizeExpression(multiple)
    let after = [2, 3].map { (size - .extent(axis: $0) % size) % size }
    return try apply(RelativePad(after: [0, 0] + after, mode: mode), x, name: name)
  }

  /// The top left of the picture, with `scale` times the sides of `reference`.
  package mutating func cropped(
    _ x: ValueID, like reference: ValueID, scale: Int = 1, _ name: String = "cropped"
  ) throws(GraphError) -> ValueID {
    let sides = [2, 3].map { SizeExpression.extent(of: 1, axis: $0) * SizeExpression(scale) }
    let slice = RelativeSlice(
      starts: [0, 0, 0, 0], extents: [.extent(axis: 0), .extent(axis: 1)] + sides)
    return try apply(slice, x, reference, name: name)
  }

  /// The value under other extents, which follow from its own or, as input 1, from those of `reference`.
  package mutating func reshaped(
    _ x: ValueID, _ extents: [SizeExpression], like reference: ValueID? = nil, _ name: String
  ) throws(GraphError) -> ValueID {
    guard let reference else { return try apply(RelativeReshape(extents), x, name: name) }
    return try apply(RelativeReshape(extents), x, reference, name: name)
  }
}

extension SizeExpression {
  /// Extents of the first input.
  static let batch = SizeExpression.extent(axis: 0)
  static let height = SizeExpression.extent(axis: 2)
  static let width = SizeExpression.extent(axis: 3)
  /// The extent of the reference.
  static func like(_ axis: Int) -> SizeExpression { .extent(of: 1, axis: axis) }
}
