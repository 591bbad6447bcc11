import IRGraph
import IROperators
import IRTensor

/// PromptIR (Potlapalli et al., 2023): Restormer whose decoder mixes in learnt prompts, weighted by what the
/// picture's features say.
package struct PromptIR: RestorationNetwork {
  package static let name = "promptir"
  package static let card = NetworkCard(
    title: "PromptIR", paper: "Potlapalli et al., 2023, arXiv 2306.13090", task: "noise, rain, haze, blind",
    licence: "authors' code and weights: their academic licence",
    trainingData: "BSD400, WED, Rain100L, RESIDE SOTS",
    published: "3 tasks, mean of 5 sets: 32.06 dB PSNR, 0.913 SSIM")
  package static let presets = [(name: "promptir", configuration: PromptIRConfiguration())]

  package let configuration: PromptIRConfiguration
  package var channelCount: Int { configuration.restormer.inputChannels }
  package var multiple: Int { 8 }

  package init(_ configuration: PromptIRConfiguration) { self.configuration = configuration }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try configuration.verify()
    let c = configuration.restormer
    declareUnused(&b)
    let shallow = try b.convolution(image, "patch_embed.proj", to: c.dim, kernel: 3, bias: false)
    var (x, skips) = try Restormer(c).encoder(shallow, &b)
    for (up, level) in [("up4_3", 2), ("up3_2", 1), ("up2_1", 0)] {
      x = try prompted(x, level + 1, to: c.dim << max(level, level == 0 ? 1 : 2), &b)
      x = try b.concatenation(try b.doubled(x, up), skips.removeLast(), "\(up).cat")
      if level > 0 {
        x = try b.pointwise(x, "reduce_chan_level\(level + 1)", to: c.dim << level, bias: c.bias)
      }
      x = try b.blocks(x, "decoder_level\(level + 1)", count: c.blocks[level], c.block(level))
    }
    x = try b.blocks(x, "refinement", count: c.refinement, c.block(0))
    return try b.sum(
      try b.convolution(x, "output", to: c.outputChannels, kernel: 3, bias: c.bias), image, "sum")
  }

  /// The features beside their prompt, through a block, in `channels` channels.
  private func prompted(
    _ x: ValueID, _ level: Int, to channels: Int, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let c = configuration.restormer
    let both = try b.concatenation(x, try prompt(x, level, &b), "prompt\(level).cat")
    // All levels take the heads of the third.
    let mixed = try b.block(both, "noise_level\(level)", c.block(2))
    return try b.pointwise(mixed, "reduce_noise_level\(level)", to: channels, bias: c.bias)
  }

  /// A weighted sum of the level's prompts, resized to the features (equation 2).
  private func prompt(
    _ x: ValueID, _ level: Int, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let name = "prompt\(level)"
    let (count, side) = (configuration.promptChannels[level - 1], configuration.promptSides[level - 1])
    let mean = try b.apply(Reduce(.mean, axes: [2, 3], keepsAxes: false), x, name: "\(name).mean")
    let logits = try b.linear(mean, "\(name).linear_layer", to: Self.promptCount, bias: true)
    let weights = try b.apply(Softmax(axis: 1), logits, name: "\(name).weights")
    let prompts = try b.parameter(
      "\(name).prompt_param", [1, Self.promptCount, count, side, side], .uniform(0, 1))
    let rows = try b.apply(
      Reshape(shape: [Self.promptCount, count * side * side]), prompts, name: "\(name).rows")
    let mixed = try b.apply(MatrixMultiply(), weights, rows, name: "\(name).mixed")
    let picture = try b.reshaped(
      mixed, [.batch, SizeExpression(count), SizeExpression(side), SizeExpression(side)], "\(name).picture")
    let resized = try b.apply(
      RelativeResize(mode: .linear, extents: [.batch, .extent(axis: 1), .like(2), .like(3)]), picture, x,
      name: "\(name).resized")
    return try b.convolution(resized, "\(name).conv3x3", to: count, kernel: 3, bias: false)
  }

  private static let promptCount = 5

  /// The parameters that the constructor makes and `forward` never uses.
  private func declareUnused(_ b: inout NetworkBuilder) {
    let dim = configuration.restormer.dim
    let shapes = [
      ("chnl_reduce1", 64, 64), ("chnl_reduce2", 128, 128), ("chnl_reduce3", 256, 320),
      ("reduce_noise_channel_1", dim, dim + 64), ("reduce_noise_channel_2", 2 * dim, 2 * dim + 128),
      ("reduce_noise_channel_3", 4 * dim, 4 * dim + 256),
    ]
    for (name, outputs, inputs) in shapes {
      b.unusedParameter("\(name).weight", [outputs, inputs, 1, 1], .fanIn(inputs))
      if configuration.restormer.bias { b.unusedParameter("\(name).bias", [outputs], .fanIn(inputs)) }
    }
  }
}

/// The constructor's arguments of the official `PromptIR`, `decoder` being true always; the prompts' sizes
/// are fixed there.
package struct PromptIRConfiguration: NetworkConfiguration {
  package var restormer = RestormerConfiguration()
  /// Of levels 1, 2, 3.
  package var promptChannels = [64, 128, 320]
  package var promptSides = [64, 32, 16]
  var decoder = true

  package init() {}

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("inp_channels", \.restormer.inputChannels, in: 1...8),
      ConfigurationKey("out_channels", \.restormer.outputChannels, in: 1...8),
      ConfigurationKey("dim", \.restormer.dim, in: 1...1024),
      ConfigurationKey("num_blocks", \.restormer.blocks, in: 0...64),
      ConfigurationKey("num_refinement_blocks", \.restormer.refinement, in: 0...64),
      ConfigurationKey("heads", \.restormer.heads, in: 1...64),
      ConfigurationKey("ffn_expansion_factor", \.restormer.expansion),
      ConfigurationKey("bias", \.restormer.bias),
      ConfigurationKey("LayerNorm_type", \.restormer.normalization), ConfigurationKey("decoder", \.decoder),
      ConfigurationKey("prompt_dims", \.promptChannels, in: 1...1024),
      ConfigurationKey("prompt_sizes", \.promptSides, in: 1...256),
    ]
  }

  func verify() throws(GraphError) {
    try restormer.verify()
    guard promptChannels.count == 3, promptSides.count == 3, decoder else {
      throw .invalid(
        rule: "PromptIR.prompts", place: "configuration",
        detail: "prompt_dims and prompt_sizes must have 3 numbers, and decoder be true: the network without "
          + "prompts does not fit together")
    }
  }
}
