import IRGraph
import IRTensor

/// `Reshape` to extents that follow from the inputs'.
package struct RelativeReshape: RelativeOperator {
  package var extents: [SizeExpression]
  package static let name = "RelativeReshape"

  package init(_ extents: [SizeExpression]) { self.extents = extents }

  package func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Reshape(shape: Shape(try extents.values(for: inputs)))
  }
}

/// `Expand` to extents that follow from the inputs'.
package struct RelativeExpand: RelativeOperator {
  package var extents: [SizeExpression]
  package static let name = "RelativeExpand"

  package init(_ extents: [SizeExpression]) { self.extents = extents }

  package func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Expand(shape: Shape(try extents.values(for: inputs)))
  }
}

/// `Slice` by steps of 1, from and over sizes that follow from the inputs'.
package struct RelativeSlice: RelativeOperator {
  package var starts: [SizeExpression]
  package var extents: [SizeExpression]
  package static let name = "RelativeSlice"

  package init(starts: [SizeExpression], extents: [SizeExpression]) {
    self.starts = starts
    self.extents = extents
  }

  package func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Slice(
      starts: try starts.values(for: inputs), steps: [Int](repeating: 1, count: starts.count),
      extents: try extents.values(for: inputs))
  }
}

/// `Pad` after each axis by sizes that follow from the inputs'.
package struct RelativePad: RelativeOperator {
  package var after: [SizeExpression]
  package var mode: PadMode
  package static let name = "RelativePad"

  package init(after: [SizeExpression], mode: PadMode) {
    self.after = after
    self.mode = mode
  }

  package func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Pad(before: [Int](repeating: 0, count: after.count), after: try after.values(for: inputs), mode: mode)
  }
}

/// `Resize` by half-pixel centres to extents that follow from the inputs'; the scales are the extents'
/// ratios.
package struct RelativeResize: RelativeOperator {
  package var mode: ResizeMode
  package var extents: [SizeExpression]
  package var cubicCoefficient: Float
  package var excludesOutside: Bool
  package var isAntialiased: Bool
  package static let name = "RelativeResize"

  package init(
    mode: ResizeMode, extents: [SizeExpression], cubicCoefficient: Float = -0.75,
    excludesOutside: Bool = false, isAntialiased: Bool = false
  ) {
    self.mode = mode
    self.extents = extents
    self.cubicCoefficient = cubicCoefficient
    self.excludesOutside = excludesOutside
    self.isAntialiased = isAntialiased
  }

  package func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    let extents = try extents.values(for: inputs)
    let shape = inputs[0].shape
    guard extents.count == shape.rank else {
      throw TypeError("RelativeResize.rank", "\(extents.count) extents for rank \(shape.rank)")
    }
    return Resize(
      mode: mode, extents: extents,
      scales: zip(extents, shape).map { Double($0) / Double(max($1, 1)) }, cubicCoefficient: cubicCoefficient,
      excludesOutside: excludesOutside, isAntialiased: isAntialiased)
  }
}
