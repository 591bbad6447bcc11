import IRGraph
import IRTensor

/// x / √(mean(x²) + epsilon) over `axes`, then times scale (Zhang and Sennrich 2019).
///
/// Inputs x, [scale], with the extents of `axes`.
package struct RMSNormalization: Operator {
  /// Consecutive axes, ascending.
  package var axes: [Int]
  package var epsilon: Float
  package static let name = "RMSNormalization"

  package init(axes: [Int], epsilon: Float = 1e-5) {
    self.axes = axes
    self.epsilon = epsilon
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...2, Self.name)
    try checkNormalizedAxes(axes, inputs, Self.name)
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [
      normalized(inputs, axes: axes) { line in
        let meanSquare = line.reduce(0) { $0 + $1 * $1 } / Double(line.count)
        let factor = 1 / (meanSquare + Double(epsilon)).squareRoot()
        return line.map { $0 * factor }
      }
    ]
  }
}

extension RMSNormalization: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    normalizedAxes(axes, input, types.inputs[0].shape.rank)
  }
}

extension RMSNormalization: DifferentiableOperator {
  package func cotangents(
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
