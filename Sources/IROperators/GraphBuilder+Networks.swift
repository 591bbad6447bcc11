import IRGraph
import IRTensor

/// Functions for the operators that networks are mostly made of. Feature maps are `[N, C, H, W]`.
extension GraphBuilder {
  /// A convolution over height and width, alike on both: weight `[O, C / groupCount, kernel, kernel]`, bias
  /// `[O]`.
  /// - Throws: `GraphError.type` with the constraints of `Convolution`.
  package mutating func convolution(
    _ x: ValueID, weight: ValueID, bias: ValueID? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
    groupCount: Int = 1, name: String? = nil
  ) throws(GraphError) -> ValueID {
    let operation = Convolution(stride: stride, padding: padding, dilation: dilation, groupCount: groupCount)
    return try value(operation, [x, weight] + (bias.map { [$0] } ?? []), name: name)
  }

  /// Blocks of `factor`² channels as pixels: `[N, C / factor², factor · H, factor · W]`.
  /// - Throws: `GraphError.type` with `DepthToSpace.channels`.
  package mutating func pixelShuffle(
    _ x: ValueID, factor: Int, name: String? = nil
  ) throws(GraphError) -> ValueID {
    try value(DepthToSpace(blockSize: factor), [x], name: name)
  }

  /// Blocks of `factor` × `factor` pixels as channels: the inverse of `pixelShuffle`.
  /// - Throws: `GraphError.type` with `SpaceToDepth.extents`.
  package mutating func pixelUnshuffle(
    _ x: ValueID, factor: Int, name: String? = nil
  ) throws(GraphError) -> ValueID {
    try value(SpaceToDepth(blockSize: factor), [x], name: name)
  }

  /// Normalization over the channels of each pixel, scale and bias `[C]`.
  /// - Throws: `GraphError.type` with the constraints of `LayerNormalization`.
  package mutating func channelNormalization(
    _ x: ValueID, scale: ValueID, bias: ValueID, epsilon: Float = 1e-5, name: String? = nil
  ) throws(GraphError) -> ValueID {
    try value(LayerNormalization(axes: [1], epsilon: epsilon), [x, scale, bias], name: name)
  }
}
