import IRGraph
import IRTensor

/// The inputs one after another along an axis.
public struct Concatenate: Operator {
  public var axis: Int
  public static let name = "Concatenate"

  public init(axis: Int) { self.axis = axis }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
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

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
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

/// The input cut into runs along an axis.
public struct Split: Operator {
  public var axis: Int
  public var sizes: [Int]
  public static let name = "Split"

  public init(axis: Int, sizes: [Int]) {
    self.axis = axis
    self.sizes = sizes
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
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

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
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

extension Concatenate: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let sizes = context.inputs.map { g.shape(of: $0)[axis] }
    return try g.apply(Split(axis: axis, sizes: sizes), [c]).map { $0 }
  }
}

extension Split: DifferentiableOperator {
  public func cotangents(
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
