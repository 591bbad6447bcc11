import IRGraph
import IRTensor

/// Normalises each of `groupCount` runs of channels over its channels and all positions (Wu and He
/// 2018); with as many groups as channels it is instance normalization.
///
/// Inputs x `[N, C, …]`, scale `[C]`, bias `[C]`.
public struct GroupNormalization: Operator {
  public var groupCount: Int
  public var epsilon: Float
  public static let name = "GroupNormalization"

  public init(groupCount: Int, epsilon: Float = 1e-5) {
    self.groupCount = groupCount
    self.epsilon = epsilon
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    try requireChannels(inputs, ["scale", "bias"], Self.name)
    let channels = inputs[0].shape[1]
    guard groupCount > 0, channels % groupCount == 0 else {
      throw TypeError("GroupNormalization.groups", "\(channels) channels in \(groupCount) groups")
    }
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let channels = shape[1]
    let size = shape.elementCount(in: 2..<shape.rank)
    let groupSize = channels / groupCount * size
    let (scale, bias) = (inputs[1].doubles, inputs[2].doubles)
    var values = inputs[0].doubles
    for group in 0..<(shape[0] * groupCount) where groupSize > 0 {
      let range = (group * groupSize)..<((group + 1) * groupSize)
      let mean = values[range].reduce(0, +) / Double(groupSize)
      let variance = values[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(groupSize)
      let factor = 1 / (variance + Double(epsilon)).squareRoot()
      for index in range {
        let channel = index / size % channels
        values[index] = (values[index] - mean) * factor * scale[channel] + bias[channel]
      }
    }
    return [Tensor(inputs[0].type, doubles: values)]
  }
}

/// (x - mean) / √(variance + epsilon) · scale + bias with given statistics per channel (Ioffe and
/// Szegedy 2015, at inference).
///
/// Inputs x `[N, C, …]`, scale, bias, mean, variance `[C]`.
public struct BatchNormalization: Operator {
  public var epsilon: Float
  public static let name = "BatchNormalization"

  public init(epsilon: Float = 1e-5) { self.epsilon = epsilon }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 5...5, Self.name)
    try requireChannels(inputs, ["scale", "bias", "mean", "variance"], Self.name)
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let size = shape.elementCount(in: 2..<shape.rank)
    let parameters = inputs.dropFirst().map(\.doubles)
    var values = inputs[0].doubles
    for index in values.indices {
      let c = index / size % shape[1]
      let factor = parameters[0][c] / (parameters[3][c] + Double(epsilon)).squareRoot()
      values[index] = (values[index] - parameters[2][c]) * factor + parameters[1][c]
    }
    return [Tensor(inputs[0].type, doubles: values)]
  }
}

private func requireChannels(_ inputs: [TensorType], _ names: [String], _ name: String) throws(TypeError) {
  try requireFloating(inputs[0], name)
  guard inputs[0].shape.rank >= 2 else {
    throw TypeError("\(name).rank", "needs [N, C, …], has \(inputs[0].shape)")
  }
  for (input, what) in zip(inputs.dropFirst(), names) {
    try requireFloating(input, name)
    try requireShape(input, [inputs[0].shape[1]], what, name)
  }
}

extension GroupNormalization: DifferentiableOperator {
  /// A layer normalization of each group, then a scale and a bias per channel.
  public func cotangents(
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

extension BatchNormalization: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let shape = g.shape(of: context.inputs[0])
    let column = Shape([shape[1]] + [Int](repeating: 1, count: shape.rank - 2))
    let mean = try g.reshaped(context.inputs[3], to: column)
    let variance = try g.affine(try g.reshaped(context.inputs[4], to: column), 1, Double(epsilon))
    let factor = try g.unary(.reciprocalSqrt, variance)
    let others = shape.indices.filter { $0 != 1 }
    var result = context.none
    let scale = try g.reshaped(context.inputs[1], to: column)
    if context.isWanted[0] { result[0] = try g.product(c, try g.product(scale, factor)) }
    if context.isWanted[1] {
      let normal = try g.product(try g.difference(context.inputs[0], mean), factor)
      result[1] = try g.reshaped(try g.summed(try g.product(c, normal), over: others), to: [shape[1]])
    }
    if context.isWanted[2] { result[2] = try g.reshaped(try g.summed(c, over: others), to: [shape[1]]) }
    if context.isWanted[3] {
      let sum = try g.summed(try g.product(c, try g.product(scale, factor)), over: others)
      result[3] = try g.reshaped(try g.unary(.neg, sum), to: [shape[1]])
    }
    if context.isWanted[4] {
      let centred = try g.product(c, try g.difference(context.inputs[0], mean))
      let slope = try g.product(scale, try g.product(factor, try g.unary(.square, factor)))
      let sum = try g.summed(try g.product(centred, try g.affine(slope, -0.5)), over: others)
      result[4] = try g.reshaped(sum, to: [shape[1]])
    }
    return result
  }
}
