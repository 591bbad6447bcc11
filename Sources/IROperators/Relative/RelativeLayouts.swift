import IRGraph
import IRTensor

/// `Reshape` to extents that follow from the inputs'.
public struct RelativeReshape: RelativeOperator {
  public var extents: [SizeExpression]
  public static let name = "RelativeReshape"

  public init(_ extents: [SizeExpression]) { self.extents = extents }

  public func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Reshape(shape: Shape(try extents.values(for: inputs)))
  }
}

/// `Expand` to extents that follow from the inputs'.
public struct RelativeExpand: RelativeOperator {
  public var extents: [SizeExpression]
  public static let name = "RelativeExpand"

  public init(_ extents: [SizeExpression]) { self.extents = extents }

  public func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Expand(shape: Shape(try extents.values(for: inputs)))
  }
}

/// `Slice` by steps of 1, from and over sizes that follow from the inputs'.
public struct RelativeSlice: RelativeOperator {
  public var starts: [SizeExpression]
  public var extents: [SizeExpression]
  public static let name = "RelativeSlice"

  public init(starts: [SizeExpression], extents: [SizeExpression]) {
    self.starts = starts
    self.extents = extents
  }

  public func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Slice(
      starts: try starts.values(for: inputs), steps: [Int](repeating: 1, count: starts.count),
      extents: try extents.values(for: inputs))
  }
}

/// `Pad` after each axis by sizes that follow from the inputs'.
public struct RelativePad: RelativeOperator {
  public var after: [SizeExpression]
  public var mode: PadMode
  public static let name = "RelativePad"

  public init(after: [SizeExpression], mode: PadMode) {
    self.after = after
    self.mode = mode
  }

  public func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
    Pad(before: [Int](repeating: 0, count: after.count), after: try after.values(for: inputs), mode: mode)
  }
}

/// `Resize` by half-pixel centres to extents that follow from the inputs'; the scales are the extents' ratios.
public struct RelativeResize: RelativeOperator {
  public var mode: ResizeMode
  public var extents: [SizeExpression]
  public var cubicCoefficient: Float
  public var excludesOutside: Bool
  public var isAntialiased: Bool
  public static let name = "RelativeResize"

  public init(
    mode: ResizeMode, extents: [SizeExpression], cubicCoefficient: Float = -0.75,
    excludesOutside: Bool = false, isAntialiased: Bool = false
  ) {
    self.mode = mode
    self.extents = extents
    self.cubicCoefficient = cubicCoefficient
    self.excludesOutside = excludesOutside
    self.isAntialiased = isAntialiased
  }

  public func resolved(for inputs: [TensorType]) throws(TypeError) -> any Operator {
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
