import IRGraph
import IRTensor

/// The same elements in row-major order under another shape.
public struct Reshape: Operator {
  public var shape: Shape
  public static let name = "Reshape"

  public init(shape: Shape) { self.shape = shape }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard shape.checkedElementCount == inputs[0].shape.elementCount else {
      throw TypeError("Reshape.elementCount", "\(inputs[0].shape) cannot be read as \(shape)")
    }
    return [inputs[0].with(shape: shape)]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] { [inputs[0].reshaped(to: shape)] }
}

/// Axis i of the result is axis `permutation[i]` of the input.
public struct Transpose: Operator {
  public var permutation: [Int]
  public static let name = "Transpose"

  public init(permutation: [Int]) { self.permutation = permutation }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard permutation.sorted() == Array(0..<inputs[0].shape.rank) else {
      throw TypeError("Transpose.permutation", "\(permutation) does not permute \(inputs[0].shape.rank) axes")
    }
    return [inputs[0].with(shape: Shape(permutation.map { inputs[0].shape[$0] }))]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = Shape(permutation.map { inputs[0].shape[$0] })
    let strides = inputs[0].shape.strides
    return [
      inputs[0].gathered(StridedWalk(shape, strides: permutation.map { strides[$0] }).offsets, shape: shape)
    ]
  }
}

/// The input read as if its extents of 1 were stretched to `shape`.
public struct Expand: Operator {
  public var shape: Shape
  public static let name = "Expand"

  public init(shape: Shape) { self.shape = shape }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard inputs[0].shape.broadcast(with: shape) == shape, shape.checkedElementCount != nil else {
      throw TypeError("Expand.broadcast", "\(inputs[0].shape) does not stretch to \(shape)")
    }
    return [inputs[0].with(shape: shape)]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] { [inputs[0].broadcast(to: shape)] }
}

/// The input repeated along each axis.
public struct Tile: Operator {
  public var repeats: [Int]
  public static let name = "Tile"

  public init(repeats: [Int]) { self.repeats = repeats }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard repeats.count == inputs[0].shape.rank, repeats.allSatisfy({ (0...(1 << 30)).contains($0) }) else {
      throw TypeError("Tile.repeats", "repeats \(repeats) for an input of rank \(inputs[0].shape.rank)")
    }
    let shape = zip(inputs[0].shape, repeats).map { $0.multipliedReportingOverflow(by: $1) }
    guard !shape.contains(where: \.overflow) else {
      throw TypeError("Tile.extent", "repeats \(repeats) overflow")
    }
    return [inputs[0].with(shape: Shape(shape.map(\.partialValue)))]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    let shape = Shape(zip(x.shape, repeats).map { $0 * $1 })
    return [
      x.gathered(offsets(in: x.shape, of: shape) { index, axis in index % x.shape[axis] }, shape: shape)
    ]
  }
}

/// Element i along an axis of the result is element `starts + i · steps` of the input.
public struct Slice: Operator {
  public var starts: [Int]
  public var steps: [Int]
  public var extents: [Int]
  public static let name = "Slice"

  public init(starts: [Int], steps: [Int], extents: [Int]) {
    self.starts = starts
    self.steps = steps
    self.extents = extents
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let shape = inputs[0].shape
    guard starts.count == shape.rank, steps.count == shape.rank, extents.count == shape.rank else {
      throw TypeError(
        "Slice.rank",
        "starts, steps, extents of \(starts.count), \(steps.count), \(extents.count) axes for rank \(shape.rank)"
      )
    }
    for axis in shape.indices {
      guard (0...Graph.extentLimit).contains(extents[axis]), starts[axis].magnitude <= Graph.extentLimit,
        steps[axis].magnitude <= Graph.extentLimit
      else {
        throw TypeError(
          "Slice.limits", "axis \(axis): \(extents[axis]) elements from \(starts[axis]) by \(steps[axis])")
      }
      let (span, overflow) = steps[axis].multipliedReportingOverflow(by: max(extents[axis] - 1, 0))
      let (last, overflow2) = starts[axis].addingReportingOverflow(span)
      guard !overflow, !overflow2,
        extents[axis] == 0 || ((0..<shape[axis]).contains(starts[axis]) && (0..<shape[axis]).contains(last))
      else {
        throw TypeError(
          "Slice.range",
          "axis \(axis): \(extents[axis]) elements from \(starts[axis]) by \(steps[axis]) of \(shape[axis])")
      }
    }
    return [inputs[0].with(shape: Shape(extents))]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = Shape(extents)
    let strides = inputs[0].shape.strides
    let first = zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let walk = StridedWalk(shape, strides: zip(steps, strides).map { $0 * $1 })
    return [inputs[0].gathered(walk.offsets.map { $0 + first }, shape: shape)]
  }
}

/// The offsets in `source` of the elements of `shape`, each axis' index mapped on its own.
func offsets(in source: Shape, of shape: Shape, _ map: (Int, Int) -> Int) -> [Int] {
  guard !shape.contains(0) else { return [] }
  let strides = source.strides
  var result = [0]
  for axis in shape.indices {
    let steps = (0..<shape[axis]).map { map($0, axis) * strides[axis] }
    result = result.flatMap { base in steps.map { base + $0 } }
  }
  return result
}

extension Reshape: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.reshaped(c, to: g.shape(of: context.inputs[0]))]
  }
}

extension Transpose: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    var inverse = permutation
    for (position, axis) in permutation.enumerated() { inverse[axis] = position }
    return [try g.value(Transpose(permutation: inverse), [c])]
  }
}

extension Expand: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.summed(c, to: g.shape(of: context.inputs[0]))]
  }
}

extension Tile: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    // Each axis as (repeat, extent), summed over the repeats.
    let shape = g.shape(of: context.inputs[0])
    let split = zip(repeats, shape).flatMap { [$0, $1] }
    let parts = try g.reshaped(c, to: Shape(split))
    return [try g.reshaped(try g.summed(parts, over: shape.indices.map { 2 * $0 }), to: shape)]
  }
}

extension Slice: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let shape = g.shape(of: context.inputs[0])
    guard steps.allSatisfy({ $0 == 1 }) else {
      return [try g.value(SliceGradient(shape: shape, starts: starts, steps: steps), [c])]
    }
    let after = shape.indices.map { shape[$0] - starts[$0] - extents[$0] }
    return [try g.value(Pad(before: starts, after: after), [c])]
  }
}
