import IRGraph
import IRTensor

/// The upper or lower triangle of matrices in the last two axes, from a diagonal on; zero elsewhere.
public struct Trilu: Operator {
  public var isUpper: Bool
  public var diagonal: Int
  public static let name = "Trilu"

  public init(isUpper: Bool = true, diagonal: Int = 0) {
    self.isUpper = isUpper
    self.diagonal = diagonal
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard inputs[0].shape.rank >= 2 else { throw TypeError("Trilu.rank", "needs matrices, has \(inputs[0])") }
    return inputs
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let size = inputs[0].elementType.byteCount
    // Beyond every matrix a diagonal makes no difference.
    let diagonal = min(max(diagonal, -2 * Graph.extentLimit), 2 * Graph.extentLimit)
    var result = inputs[0]
    result.withUnsafeMutableBytes { bytes in
      for index in 0..<shape.elementCount {
        let (row, column) = (index / columns % rows, index % columns)
        let distance = column - row - diagonal
        guard isUpper ? distance < 0 : distance > 0 else { continue }
        for byte in 0..<size { bytes[index * size + byte] = 0 }
      }
    }
    return [result]
  }
}

/// A new axis of `depth` with `values[1]` at each index and `values[0]` elsewhere.
///
/// Inputs indices (any number type; negative ones count from the end), values `[2]`.
public struct OneHot: Operator {
  public var axis: Int
  public var depth: Int
  public static let name = "OneHot"

  public init(axis: Int, depth: Int) {
    self.axis = axis
    self.depth = depth
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireShape(inputs[1], [2], "values", Self.name)
    guard (0...inputs[0].shape.rank).contains(axis) else {
      throw TypeError("OneHot.axis", "axis \(axis) of a result of rank \(inputs[0].shape.rank + 1)")
    }
    guard (1...(1 << 40)).contains(depth) else { throw TypeError("OneHot.depth", "depth \(depth)") }
    var extents = inputs[0].shape.extents
    extents.insert(depth, at: axis)
    return [inputs[1].with(shape: Shape(extents))]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var extents = inputs[0].shape.extents
    let inner = extents[axis...].reduce(1, *)
    extents.insert(depth, at: axis)
    let hot = inputs[0].integers.map { $0 < 0 ? $0 &+ Int64(depth) : $0 }
    let shape = Shape(extents)
    let picks = (0..<shape.elementCount).map { index -> Int in
      let position = index / inner / depth * inner + index % inner
      return hot[position] == Int64(index / inner % depth) ? 1 : 0
    }
    return [inputs[1].gathered(picks, shape: shape)]
  }
}

extension Trilu: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(self, [c])]
  }
}
