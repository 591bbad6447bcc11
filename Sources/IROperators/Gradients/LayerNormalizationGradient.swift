import IRGraph
import IRTensor

/// The derivatives of a layer normalization; made by gradient rules only.
///
/// Inputs x, the cotangent of the result, [scale], [addend]; results the cotangents of x, to which the addend
/// is added, of scale and of bias, the last two with the extents of `axes`.
package struct LayerNormalizationGradient: Operator {
  package var axes: [Int]
  package var epsilon: Float
  package var hasScale: Bool
  /// Of the shape of x: what else flows to it.
  package var hasAddend: Bool
  package static let name = "LayerNormalizationGradient"

  package init(axes: [Int], epsilon: Float, hasScale: Bool, hasAddend: Bool = false) {
    self.axes = axes
    self.epsilon = epsilon
    self.hasScale = hasScale
    self.hasAddend = hasAddend
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    let count = (hasScale ? 3 : 2) + (hasAddend ? 1 : 0)
    try requireCount(inputs, count...count, Self.name)
    if hasAddend { try requireShape(inputs[count - 1], inputs[0].shape, "addend", Self.name) }
    try requireShape(inputs[1], inputs[0].shape, "cotangent", Self.name)
    try requireSameElementType(inputs, Self.name)
    let layer = LayerNormalization(axes: axes, epsilon: epsilon)
    _ = try layer.outputTypes(for: [inputs[0]] + inputs.dropFirst(2).prefix(hasScale ? 1 : 0))
    let parameter = inputs[0].with(shape: Shape(axes.map { inputs[0].shape[$0] }))
    return [inputs[0], parameter, parameter]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let first = axes.first ?? 0
    let view = AxisView(inputs[0].shape, axes: first..<(first + axes.count))
    let (x, c) = (inputs[0].doubles, inputs[1].doubles)
    let scale = hasScale ? inputs[2].doubles : [Double](repeating: 1, count: view.axis)
    var result = [Double](repeating: 0, count: x.count)
    var (ofScale, ofBias) = (
      [Double](repeating: 0, count: view.axis), [Double](repeating: 0, count: view.axis)
    )
    let count = Double(view.axis)
    view.forEachLine { start in
      let places = (0..<view.axis).map { start + $0 * view.inner }
      let mean = places.reduce(0) { $0 + x[$1] } / count
      let variance = places.reduce(0) { $0 + (x[$1] - mean) * (x[$1] - mean) } / count
      let factor = 1 / (variance + Double(epsilon)).squareRoot()
      let normal = places.map { (x[$0] - mean) * factor }
      let inner = places.enumerated().map { c[$1] * scale[$0] }
      let innerMean = inner.reduce(0, +) / count
      let dot = zip(inner, normal).reduce(0) { $0 + $1.0 * $1.1 } / count
      for (k, place) in places.enumerated() {
        result[place] = factor * (inner[k] - innerMean - normal[k] * dot)
        ofScale[k] += c[place] * normal[k]
        ofBias[k] += c[place]
      }
    }
    if hasAddend { result = zip(result, inputs[inputs.count - 1].doubles).map { $0 + $1 } }
    let parameter = inputs[0].type.with(shape: Shape(axes.map { inputs[0].shape[$0] }))
    return [
      Tensor(inputs[0].type, doubles: result), Tensor(parameter, doubles: ofScale),
      Tensor(parameter, doubles: ofBias),
    ]
  }
}
