import IRGraph
import IRTensor

/// The adjoint of `AveragePool`; made by gradient rules only.
package struct AveragePoolGradient: Operator {
  package var pool: AveragePool
  /// Of the pool's input.
  package var shape: Shape
  package static let name = "AveragePoolGradient"

  package init(pool: AveragePool, shape: Shape) {
    self.pool = pool
    self.shape = shape
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let type = inputs[0].with(shape: shape)
    guard try pool.outputTypes(for: [type]) == inputs else {
      throw TypeError("AveragePoolGradient.cotangent", "\(inputs[0]) is not \(shape) pooled")
    }
    return [type]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let type = inputs[0].type.with(shape: shape)
    let (_, taps) = pool.window.taps(type, Self.name)
    let counts =
      pool.countsPadding
      ? pool.window.paddedCounts(shape, inputs[0].shape) : taps.map { $0.count { $0 >= 0 } }
    let plane = shape.elementCount(in: 2..<shape.rank)
    let c = inputs[0].doubles
    var result = [Double](repeating: 0, count: shape.elementCount)
    for p in 0..<(shape[0] * shape[1]) {
      for (position, offsets) in taps.enumerated() {
        let share = c[p * taps.count + position] / Double(max(counts[position], 1))
        for offset in offsets where offset >= 0 { result[p * plane + offset] += share }
      }
    }
    return [Tensor(type, doubles: result)]
  }
}

/// The derivative of `MaxPool`; made by gradient rules only. The first of equal elements takes it all.
///
/// Inputs x and the cotangent of the largest elements.
package struct MaxPoolGradient: Operator {
  package var pool: MaxPool
  package static let name = "MaxPoolGradient"

  package init(pool: MaxPool) { self.pool = pool }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    guard try pool.outputTypes(for: [inputs[0]])[0] == inputs[1] else {
      throw TypeError("MaxPoolGradient.cotangent", "\(inputs[1]) is not \(inputs[0]) pooled")
    }
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var indexed = pool
    (indexed.hasIndices, indexed.columnMajorIndices) = (true, false)
    let places = indexed.evaluate([inputs[0]])[1].integers.map { Int($0) }
    return [scatterSum(inputs[1], places, inputs[0].shape)]
  }
}
