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
