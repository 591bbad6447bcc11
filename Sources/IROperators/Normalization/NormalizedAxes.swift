import IRGraph
import IRTensor

func checkNormalizedAxes(_ axes: [Int], _ inputs: [TensorType], _ name: String) throws(TypeError) {
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

/// The input's axes of `axes` are mixed; scale and bias have those axes alone.
func normalizedAxes(_ axes: [Int], _ input: Int, _ rank: Int) -> [AxisRelation] {
  if input == 0 { return .eachAlone(rank, mixing: axes) }
  return (0..<rank).map { axis in axes.firstIndex(of: axis).map { .same($0) } ?? .new }
}

/// Applies `normalize` to every line along the axes, then scale and bias where there are any.
func normalized(_ inputs: [Tensor], axes: [Int], _ normalize: ([Double]) -> [Double]) -> Tensor {
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
