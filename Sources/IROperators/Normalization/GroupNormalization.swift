import IRGraph
import IRTensor

/// Normalises each of `groupCount` runs of channels over its channels and all positions (Wu and He
/// 2018); with as many groups as channels it is instance normalization.
///
/// Inputs x `[N, C, …]`, scale `[C]`, bias `[C]`.
package struct GroupNormalization: Operator {
  package var groupCount: Int
  package var epsilon: Float
  package static let name = "GroupNormalization"

  package init(groupCount: Int, epsilon: Float = 1e-5) {
    self.groupCount = groupCount
    self.epsilon = epsilon
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    try requireChannels(inputs, ["scale", "bias"], Self.name)
    let channels = inputs[0].shape[1]
    guard groupCount > 0, channels % groupCount == 0 else {
      throw TypeError("GroupNormalization.groups", "\(channels) channels in \(groupCount) groups")
    }
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let channels = shape[1]
    let size = shape.elementCount(in: 2..<shape.rank)
    let groupSize = channels / groupCount * size
    let (scale, bias) = (inputs[1].doubles, inputs[2].doubles)
    var values = inputs[0].doubles
    let moments = groupMoments(values, count: shape[0] * groupCount, epsilon: epsilon)
    for (group, (mean, factor)) in moments.enumerated() {
      for index in (group * groupSize)..<((group + 1) * groupSize) {
        let channel = index / size % channels
        values[index] = (values[index] - mean) * factor * scale[channel] + bias[channel]
      }
    }
    return [Tensor(inputs[0].type, doubles: values)]
  }
}

/// Of each of `count` groups of values, one after the other and of one size, the mean and the factor of
/// deviations from it.
func groupMoments(_ values: [Double], count: Int, epsilon: Float) -> [(mean: Double, factor: Double)] {
  guard count > 0 else { return [] }
  let size = values.count / count
  return (0..<count).map { group in
    let own = values[(group * size)..<((group + 1) * size)]
    let mean = own.reduce(0, +) / Double(max(size, 1))
    let variance = own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(size, 1))
    return (mean, 1 / (variance + Double(epsilon)).squareRoot())
  }
}

extension GroupNormalization: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let x = types.inputs[0].shape
    guard input == 0 else { return .only(1, from: 0, x.rank) }
    let mixed = x.indices.filter { $0 > 1 || ($0 == 1 && groupCount != x[1]) }
    return .eachAlone(x.rank, mixing: mixed)
  }
}

extension GroupNormalization: DifferentiableOperator {
  /// A layer normalization of each group, then a scale and a bias per channel.
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let (x, scale) = (context.inputs[0], context.inputs[1])
    let shape = g.shape(of: x)
    let inner = shape.elementCount(in: 2..<shape.rank)
    let grouped: Shape = [shape[0] * groupCount, shape[1] / groupCount * inner]
    let planes: Shape = [shape[0], shape[1], inner]
    let column: Shape = [1, shape[1], 1]
    let layer = LayerNormalization(axes: [1], epsilon: epsilon)
    let rows = try g.reshaped(x, to: grouped)
    let flat = try g.reshaped(c, to: planes)
    var result = context.none
    let scaled = try g.product(flat, try g.reshaped(scale, to: column))
    let gradient = LayerNormalizationGradient(axes: [1], epsilon: epsilon, hasScale: false)
    let parts = try g.apply(gradient, [rows, try g.reshaped(scaled, to: grouped)])
    result[0] = try g.reshaped(parts[0], to: shape)
    if context.isWanted[1] {
      let normal = try g.reshaped(try g.value(layer, [rows]), to: planes)
      result[1] = try g.reshaped(try g.summed(try g.product(flat, normal), over: [0, 2]), to: [shape[1]])
    }
    if context.isWanted[2] { result[2] = try g.reshaped(try g.summed(flat, over: [0, 2]), to: [shape[1]]) }
    return result
  }
}
