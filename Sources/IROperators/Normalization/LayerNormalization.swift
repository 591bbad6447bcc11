import IRGraph
import IRTensor

/// (x - mean) / √(variance + epsilon) over `axes`, then times scale and plus bias (Ba et al. 2016).
///
/// Inputs x, [scale, [bias]], the latter with the extents of `axes`.
public struct LayerNormalization: Operator {
  /// Consecutive axes, ascending.
  public var axes: [Int]
  public var epsilon: Float
  public static let name = "LayerNormalization"

  public init(axes: [Int], epsilon: Float = 1e-5) {
    self.axes = axes
    self.epsilon = epsilon
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...3, Self.name)
    try checkNormalizedAxes(axes, inputs, Self.name)
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [
      normalized(inputs, axes: axes) { line in
        let mean = line.reduce(0, +) / Double(line.count)
        let variance = line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(line.count)
        let factor = 1 / (variance + Double(epsilon)).squareRoot()
        return line.map { ($0 - mean) * factor }
      }
    ]
  }
}

/// x / √(mean(x²) + epsilon) over `axes`, then times scale (Zhang and Sennrich 2019).
///
/// Inputs x, [scale], with the extents of `axes`.
public struct RMSNormalization: Operator {
  /// Consecutive axes, ascending.
  public var axes: [Int]
  public var epsilon: Float
  public static let name = "RMSNormalization"

  public init(axes: [Int], epsilon: Float = 1e-5) {
    self.axes = axes
    self.epsilon = epsilon
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...2, Self.name)
    try checkNormalizedAxes(axes, inputs, Self.name)
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [
      normalized(inputs, axes: axes) { line in
        let meanSquare = line.reduce(0) { $0 + $1 * $1 } / Double(line.count)
        let factor = 1 / (meanSquare + Double(epsilon)).squareRoot()
        return line.map { $0 * factor }
      }
    ]
  }
}

/// x / max(‖x‖₂, epsilon) along one axis.
public struct L2Normalization: Operator {
  public var axis: Int
  public var epsilon: Float
  public static let name = "L2Normalization"

  public init(axis: Int, epsilon: Float = 1e-12) {
    self.axis = axis
    self.epsilon = epsilon
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [
      normalized(inputs, axes: [axis]) { line in
        let norm = line.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return line.map { $0 / max(norm, Double(epsilon)) }
      }
    ]
  }
}

private func checkNormalizedAxes(_ axes: [Int], _ inputs: [TensorType], _ name: String) throws(TypeError) {
  try requireFloating(inputs[0], name)
  try requireAxes(axes, inputs[0].shape, name)
  guard let first = axes.first, axes == Array(first..<(first + axes.count)) else {
    throw TypeError("\(name).axesConsecutive", "axes \(axes) are not consecutive and ascending")
  }
  let shape = Shape(axes.map { inputs[0].shape[$0] })
  for (input, what) in zip(inputs.dropFirst(), ["scale", "bias"]) {
    try requireShape(input, shape, what, name)
  }
  try requireSameElementType(inputs, name)
}

/// Applies `normalize` to every line along the axes, then scale and bias where there are any.
private func normalized(_ inputs: [Tensor], axes: [Int], _ normalize: ([Double]) -> [Double]) -> Tensor {
  let first = axes.first ?? 0
  let view = AxisView(inputs[0].shape, axes: first..<(first + axes.count))
  let scale = inputs.count > 1 ? inputs[1].doubles : nil
  let bias = inputs.count > 2 ? inputs[2].doubles : nil
  var values = inputs[0].doubles
  view.forEachLine { start in
    let line = normalize((0..<view.axis).map { values[start + $0 * view.inner] })
    for k in 0..<view.axis {
      values[start + k * view.inner] = line[k] * (scale?[k] ?? 1) + (bias?[k] ?? 0)
    }
  }
  return Tensor(inputs[0].type, doubles: values)
}

extension LayerNormalization: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let gradient = LayerNormalizationGradient(
      axes: axes, epsilon: epsilon, hasScale: context.inputs.count > 1)
    let scale = context.inputs.count > 1 ? [context.inputs[1]] : []
    let results = try g.apply(gradient, [context.inputs[0], c] + scale)
    return context.inputs.indices.map { results[$0] }
  }
}

extension RMSNormalization: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    // y = x r s with r = 1 / √(mean(x²) + ε); the cotangent of x r is c s.
    let x = context.inputs[0]
    let shape = g.shape(of: x)
    let count = Double(axes.reduce(1) { $0 * shape[$1] })
    let squares = try g.summed(try g.unary(.square, x), over: axes)
    let r = try g.unary(.reciprocalSqrt, try g.affine(squares, 1 / count, Double(epsilon)))
    var scaled = c
    var result = context.none
    if context.inputs.count > 1 {
      var aligned = Shape([Int](repeating: 1, count: shape.rank))
      for axis in axes { aligned[axis] = shape[axis] }
      scaled = try g.product(c, try g.reshaped(context.inputs[1], to: aligned))
      let perElement = try g.product(c, try g.product(x, r))
      let others = shape.indices.filter { !axes.contains($0) }
      result[1] = try g.reshaped(try g.summed(perElement, over: others), to: g.shape(of: context.inputs[1]))
    }
    let dot = try g.affine(try g.summed(try g.product(scaled, x), over: axes), 1 / count)
    let back = try g.product(x, try g.product(dot, try g.unary(.square, r)))
    result[0] = try g.product(r, try g.difference(scaled, back))
    return result
  }
}

extension L2Normalization: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    // Where the norm is below ε the division is by a constant.
    let (x, y) = (context.inputs[0], context.outputs[0])
    let norm = try g.value(Reduce(.l2, axes: [axis]), [x])
    let least = g.constant(Tensor(TensorType(g.type(of: x).elementType, .scalar), repeating: Double(epsilon)))
    let isLonger = try g.isPositive(try g.difference(norm, least))
    let dot = try g.product(isLonger, try g.summed(try g.product(c, y), over: [axis]))
    let back = try g.difference(c, try g.product(y, dot))
    return [try g.quotient(back, try g.binary(.maximum, norm, least))]
  }
}
