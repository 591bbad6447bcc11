import IRGraph
import IRTensor

/// (x - mean) / √(variance + epsilon) over `axes`, then times scale and plus bias (Ba et al. 2016).
///
/// Inputs x, [scale, [bias]], the latter with the extents of `axes`.
package struct LayerNormalization: Operator {
  /// Consecutive axes, ascending.
  package var axes: [Int]
  package var epsilon: Float
  package static let name = "LayerNormalization"

  package init(axes: [Int], epsilon: Float = 1e-5) {
    self.axes = axes
    self.epsilon = epsilon
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...3, Self.name)
    try checkNormalizedAxes(axes, inputs, Self.name)
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
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

extension LayerNormalization: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    normalizedAxes(axes, input, types.inputs[0].shape.rank)
  }
}

extension LayerNormalization: DifferentiableOperator {
  package func cotangents(
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
