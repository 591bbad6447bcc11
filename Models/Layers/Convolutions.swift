import IRGraph
import IROperators
import IRTensor

extension NetworkBuilder {
  /// A square convolution with zeros outside: `<name>.weight [channels, C / groups, kernel, kernel]`,
  /// `<name>.bias [channels]`. Padding keeps the size where none is given; `paddingAfter` is that below and
  /// to the right where it differs.
  package mutating func convolution(
    _ x: ValueID, _ name: String, to channels: Int, kernel: Int, stride: Int = 1, padding: Int? = nil,
    paddingAfter: Int? = nil, groups: Int = 1, bias: Bool
  ) throws(GraphError) -> ValueID {
    let fanIn = self.channels(x) / max(groups, 1) * kernel * kernel
    let weight = try parameter(
      "\(name).weight", [channels, self.channels(x) / max(groups, 1), kernel, kernel], .fanIn(fanIn))
    let pads = [Int](repeating: padding ?? kernel / 2, count: 2)
    let padsAfter = paddingAfter.map { [$0, $0] } ?? pads
    let operation = Convolution(
      strides: [stride, stride], padsBefore: pads, padsAfter: padsAfter, dilations: [1, 1],
      groupCount: groups)
    guard bias else { return try apply(operation, x, weight, name: name) }
    let terms = try parameter("\(name).bias", [channels], .fanIn(fanIn))
    return try apply(operation, x, weight, terms, name: name)
  }

  /// A convolution of kernel 1.
  package mutating func pointwise(
    _ x: ValueID, _ name: String, to channels: Int, bias: Bool
  ) throws(GraphError) -> ValueID {
    try convolution(x, name, to: channels, kernel: 1, bias: bias)
  }

  /// A convolution of each channel on its own.
  package mutating func depthwise(
    _ x: ValueID, _ name: String, kernel: Int = 3, bias: Bool
  ) throws(GraphError) -> ValueID {
    let channels = channels(x)
    return try convolution(x, name, to: channels, kernel: kernel, groups: channels, bias: bias)
  }

  /// x Wᵀ + b over the last axis: `<name>.weight [channels, C]`, `<name>.bias [channels]`.
  package mutating func linear(
    _ x: ValueID, _ name: String, to channels: Int, bias: Bool
  ) throws(GraphError) -> ValueID {
    let fanIn = shape(of: x).last ?? 1
    let weight = try parameter("\(name).weight", [channels, fanIn], .fanIn(fanIn))
    let product = try apply(MatrixMultiply(transposesB: true), x, weight, name: name)
    guard bias else { return product }
    let terms = try parameter("\(name).bias", [channels], .fanIn(fanIn))
    return try sum(product, terms, "\(name).bias")
  }

  /// Restormer's step down: 3×3 to half the channels, pixel unshuffle.
  package mutating func halved(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let half = try convolution(x, "\(name).body.0", to: channels(x) / 2, kernel: 3, bias: false)
    return try apply(SpaceToDepth(blockSize: 2, mode: .columnRowDepth), half, name: "\(name).body.1")
  }

  /// Restormer's step up: 3×3 to twice the channels, pixel shuffle.
  package mutating func doubled(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let twice = try convolution(x, "\(name).body.0", to: channels(x) * 2, kernel: 3, bias: false)
    return try apply(DepthToSpace(blockSize: 2), twice, name: "\(name).body.1")
  }

  /// NAFNet's step up: 1×1 to twice the channels, pixel shuffle.
  package mutating func shuffledUp(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let twice = try pointwise(x, "\(name).0", to: channels(x) * 2, bias: false)
    return try apply(DepthToSpace(blockSize: 2), twice, name: "\(name).1")
  }

  /// The mean over the picture, `[N, C, 1, 1]`.
  package mutating func pictureMean(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    try apply(Reduce(.mean, axes: [2, 3]), x, name: name)
  }

  /// The picture at twice its sides, every pixel four times.
  package mutating func repeatedTwice(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let resize = RelativeResize(
      mode: .nearest, extents: [.batch, .extent(axis: 1), .height * 2, .width * 2])
    return try apply(resize, x, name: name)
  }

  /// x / (1 + e⁻ˣ).
  package mutating func silu(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    try apply(Activation(.swish, alpha: 1), x, name: name)
  }
}
