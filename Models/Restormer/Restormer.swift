import IRGraph
import IROperators

/// Restormer (Zamir et al., 2022): a U of transformer blocks whose attention is between channels.
package struct Restormer: RestorationNetwork {
  package static let name = "restormer"
  package static let card = NetworkCard(
    title: "Restormer", paper: "Zamir et al., 2022, arXiv 2111.09881",
    task: "one of rain, motion blur, defocus (one or two pictures), Gaussian or camera noise",
    licence: "authors' code and weights: their academic licence",
    trainingData: "Rain13K; GoPro; DPDD; DIV2K, Flickr2K, BSD500, WED; SIDD",
    published: "GoPro 32.92 dB PSNR, 0.961 SSIM; Rain100L (Y) 38.99 dB, 0.978")
  package static let presets = [
    ("deraining", RestormerConfiguration()), ("denoising", .biasFree), ("dual-pixel", .dualPixel),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: RestormerConfiguration
  package var channelCount: Int { configuration.inputChannels }
  package var multiple: Int { 8 }

  package init(_ configuration: RestormerConfiguration) { self.configuration = configuration }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try configuration.verify()
    let c = configuration
    let shallow = try b.convolution(image, "patch_embed.proj", to: c.dim, kernel: 3, bias: c.bias)
    let (latent, skips) = try encoder(shallow, &b)
    var x = latent
    for (up, level) in [("up4_3", 2), ("up3_2", 1), ("up2_1", 0)] {
      x = try b.concatenation(try b.doubled(x, up), skips[level], "\(up).cat")
      if level > 0 {
        x = try b.pointwise(x, "reduce_chan_level\(level + 1)", to: c.dim << level, bias: c.bias)
      }
      x = try b.blocks(x, "decoder_level\(level + 1)", count: c.blocks[level], c.block(level))
    }
    x = try b.blocks(x, "refinement", count: c.refinement, c.block(0))
    if c.dualPixel {
      x = try b.sum(x, try b.pointwise(shallow, "skip_conv", to: 2 * c.dim, bias: c.bias), "skip")
      return try b.convolution(x, "output", to: c.outputChannels, kernel: 3, bias: c.bias)
    }
    return try b.sum(
      try b.convolution(x, "output", to: c.outputChannels, kernel: 3, bias: c.bias), image, "sum")
  }

  /// The way down to the latent features, and the features of each level.
  func encoder(
    _ shallow: ValueID, _ b: inout NetworkBuilder
  ) throws(GraphError) -> (latent: ValueID, skips: [ValueID]) {
    var x = shallow
    var skips: [ValueID] = []
    for level in 0..<3 {
      x = try b.blocks(
        x, "encoder_level\(level + 1)", count: configuration.blocks[level], configuration.block(level))
      skips.append(x)
      x = try b.halved(x, "down\(level + 1)_\(level + 2)")
    }
    return (try b.blocks(x, "latent", count: configuration.blocks[3], configuration.block(3)), skips)
  }
}

/// The constructor's arguments of the official `Restormer`.
package struct RestormerConfiguration: NetworkConfiguration {
  package var inputChannels = 3
  package var outputChannels = 3
  package var dim = 48
  package var blocks = [4, 6, 6, 8]
  package var refinement = 4
  package var heads = [1, 2, 4, 8]
  package var expansion = 2.66
  package var bias = false
  package var normalization = RestormerBlock.Normalization.withBias
  /// Two pictures in, from the halves of a camera's pixels; the result is not added to them.
  package var dualPixel = false

  package init() {}

  static var biasFree: RestormerConfiguration {
    var result = RestormerConfiguration()
    result.normalization = .biasFree
    return result
  }

  static var dualPixel: RestormerConfiguration {
    var result = RestormerConfiguration()
    (result.inputChannels, result.dualPixel) = (6, true)
    return result
  }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("inp_channels", \.inputChannels, in: 1...8),
      ConfigurationKey("out_channels", \.outputChannels, in: 1...8),
      ConfigurationKey("dim", \.dim, in: 1...1024),
      ConfigurationKey("num_blocks", \.blocks, in: 0...64),
      ConfigurationKey("num_refinement_blocks", \.refinement, in: 0...64),
      ConfigurationKey("heads", \.heads, in: 1...64),
      ConfigurationKey("ffn_expansion_factor", \.expansion),
      ConfigurationKey("bias", \.bias), ConfigurationKey("LayerNorm_type", \.normalization),
      ConfigurationKey("dual_pixel_task", \.dualPixel),
    ]
  }

  func block(_ level: Int) -> RestormerBlock {
    RestormerBlock(heads: heads[level], expansion: expansion, bias: bias, normalization: normalization)
  }

  func verify() throws(GraphError) {
    guard blocks.count == 4, heads.count == 4, dim % 2 == 0 else {
      throw .invalid(
        rule: "Restormer.levels", place: "configuration",
        detail: "num_blocks \(blocks) and heads \(heads) must have 4 numbers, dim \(dim) be even")
    }
    try verifyExpansion(expansion)
  }
}
