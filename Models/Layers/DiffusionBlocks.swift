import IRGraph
import IROperators
import IRTensor

/// Settings that all blocks of a latent diffusion model share (Rombach et al., 2022); names are diffusers'.
struct DiffusionBlock: Hashable, Sendable {
  var groups: Int
  var epsilon: Float
}

extension NetworkBuilder {
  /// Group normalization and SiLU.
  mutating func normalizedActive(
    _ x: ValueID, _ name: String, _ block: DiffusionBlock
  ) throws(GraphError) -> ValueID {
    try silu(
      try groupNormalization(x, name, groups: block.groups, epsilon: block.epsilon), "\(name).silu")
  }

  /// x + conv(SiLU(GN(conv(SiLU(GN x)) + time))), the sum by a 1×1 convolution of x where channels change.
  /// `time` is the activated embedding `[N, E]`; autoencoders have none.
  mutating func residual(
    _ x: ValueID, _ name: String, to count: Int, time: ValueID? = nil, _ block: DiffusionBlock
  ) throws(GraphError) -> ValueID {
    var y = try normalizedActive(x, "\(name).norm1", block)
    y = try convolution(y, "\(name).conv1", to: count, kernel: 3, bias: true)
    if let time {
      let row = try linear(time, "\(name).time_emb_proj", to: count, bias: true)
      let column = try reshaped(row, [.batch, .extent(axis: 1), 1, 1], "\(name).time_emb_proj.column")
      y = try sum(y, column, "\(name).timed")
    }
    y = try normalizedActive(y, "\(name).norm2", block)
    y = try convolution(y, "\(name).conv2", to: count, kernel: 3, bias: true)
    let skip = channels(x) == count ? x : try pointwise(x, "\(name).conv_shortcut", to: count, bias: true)
    return try sum(skip, y, "\(name).sum")
  }

  /// Every pixel four times, then a 3×3 convolution.
  mutating func upsampled(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let twice = try repeatedTwice(x, "\(name).twice")
    return try convolution(twice, "\(name).conv", to: channels(x), kernel: 3, bias: true)
  }

  /// The embedding of time steps `[N]`: cosines and sines of `width / 2` frequencies each, then a perceptron
  /// to `4 · width`, SiLU inside.
  mutating func timeEmbedding(
    _ step: ValueID, width: Int
  ) throws(GraphError) -> ValueID {
    let count = width / 2
    // In float32 as PyTorch has it: frequencies times 1000 amplify the last bit.
    let logarithm: Float = -9.210340371976184
    let exponents = (0..<count).map { logarithm * Float($0) / Float(count) }
    let frequencies = try apply(
      Unary(.exp), constant(exponents, [1, count], "time_proj.exponents"), name: "time_proj.frequencies")
    let column = try reshaped(step, [.batch, 1], "time_proj.column")
    let angles = try product(column, frequencies, "time_proj.angles")
    let cosines = try apply(Unary(.cos), angles, name: "time_proj.cos")
    let sines = try apply(Unary(.sin), angles, name: "time_proj.sin")
    let waves = try concatenation(cosines, sines, "time_proj")
    let hidden = try linear(waves, "time_embedding.linear_1", to: 4 * width, bias: true)
    let active = try silu(hidden, "time_embedding.act")
    return try linear(active, "time_embedding.linear_2", to: 4 * width, bias: true)
  }
}
