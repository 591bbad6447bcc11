import IRGraph
import IROperators
import IRTensor

/// SymUNet (Jiao et al., 2025): NAFNet's U of Restormer's blocks, encoder and decoder mirror images, skips
/// added.
package struct SymUNet: RestorationNetwork {
  package static let name = "symunet"
  package static let card = NetworkCard(
    title: "SymUNet", paper: "Jiao et al., 2025, arXiv 2512.10581",
    task: "noise, rain, haze (and motion blur, low light), blind",
    licence: "authors' code: see their repository; no weights published",
    trainingData: "BSD400, WED, Rain100L, OTS (and GoPro, LOLv1)",
    published: "3 tasks, mean of 5 sets: 32.93 dB PSNR, 0.921 SSIM; 5 tasks: 30.43 dB, 0.913")
  package static let presets = [
    ("symunet", SymUNetConfiguration()),
    ("symunet-s", SymUNetConfiguration(width: 16, encoder: [1, 1, 2], middle: 2, decoder: [2, 1, 1])),
    ("symunet-m", SymUNetConfiguration(width: 32, encoder: [1, 1, 2], middle: 2, decoder: [2, 1, 1])),
    (
      "symunet-s-level",
      SymUNetConfiguration(
        width: 16, encoder: [1, 1, 2], middle: 2, decoder: [2, 1, 1], takesNoiseLevel: true)
    ),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: SymUNetConfiguration
  package var channelCount: Int { configuration.imageChannels }

  package init(_ configuration: SymUNetConfiguration) { self.configuration = configuration }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try configuration.verify()
    let padded = try b.padded(image, toMultipleOf: configuration.padding, .reflect)
    var (x, skips) = try encoder(configuration.takesNoiseLevel ? joined(padded, &b) : padded, &b)
    x = try b.blocks(x, "middle_blks", count: configuration.middle, configuration.block(level: nil))
    for index in configuration.decoder.indices {
      x = try b.sum(try b.shuffledUp(x, "ups.\(index)"), skips.removeLast(), "skips.\(index)")
      x = try b.blocks(x, "decoders.\(index)", count: configuration.decoder[index], decoderBlock(index))
    }
    return try head(x, padded, image, &b)
  }

  /// The picture with one channel more, which holds the noise's deviation everywhere: `sigma` `[N, 1, 1, 1]`,
  /// in the picture's units.
  private func joined(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    let sigma = b.input("sigma", TensorType(.float32, [b.shape(of: image)[0], 1, 1, 1]))
    let map = try b.apply(RelativeExpand([.like(0), 1, .like(2), .like(3)]), sigma, image, name: "map")
    return try b.concatenation(image, map, "input")
  }

  /// The intro and the way down: the deepest features, and those to add on the way up.
  func encoder(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> (ValueID, skips: [ValueID])
  {
    var x = try b.convolution(image, "intro", to: configuration.width, kernel: 3, bias: true)
    var skips: [ValueID] = []
    for (level, count) in configuration.encoder.enumerated() {
      x = try b.blocks(x, "encoders.\(level)", count: count, configuration.block(level: level))
      skips.append(x)
      x = try b.convolution(
        x, "downs.\(level)", to: 2 * b.channels(x), kernel: 2, stride: 2, padding: 0, bias: true)
    }
    return (x, skips)
  }

  func decoderBlock(_ index: Int) -> RestormerBlock {
    configuration.block(level: configuration.encoder.count - 1 - index)
  }

  /// The last convolution, the sum with the padded picture, and the picture's own size.
  func head(
    _ x: ValueID, _ padded: ValueID, _ image: ValueID, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let residual = try b.convolution(x, "ending", to: configuration.imageChannels, kernel: 3, bias: true)
    return try b.cropped(try b.sum(residual, padded, "sum"), like: image)
  }
}

/// The constructor's arguments of the official `SymUNet`.
package struct SymUNetConfiguration: NetworkConfiguration {
  package var imageChannels = 3
  package var width = 48
  /// Blocks of each level, from full resolution down.
  package var encoder = [4, 6, 6]
  package var middle = 8
  /// Blocks of each level, from the deepest up.
  package var decoder = [6, 6, 4]
  package var heads = [1, 2, 4]
  package var middleHeads = 8
  package var expansion = 2.66
  package var bias = false
  package var normalization = RestormerBlock.Normalization.withBias
  /// Whether the network is told how strong the noise is. Not the authors'.
  package var takesNoiseLevel = false

  package init() {}

  package init(width: Int, encoder: [Int], middle: Int, decoder: [Int], takesNoiseLevel: Bool = false) {
    self.width = width
    self.encoder = encoder
    self.middle = middle
    self.decoder = decoder
    self.takesNoiseLevel = takesNoiseLevel
  }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("img_channel", \.imageChannels, in: 1...4),
      ConfigurationKey("width", \.width, in: 1...1024),
      ConfigurationKey("enc_blk_nums", \.encoder, in: 0...64),
      ConfigurationKey("middle_blk_num", \.middle, in: 0...64),
      ConfigurationKey("dec_blk_nums", \.decoder, in: 0...64),
      ConfigurationKey("restormer_heads", \.heads, in: 1...64),
      ConfigurationKey("restormer_middle_heads", \.middleHeads, in: 1...64),
      ConfigurationKey("ffn_expansion_factor", \.expansion),
      ConfigurationKey("bias", \.bias), ConfigurationKey("LayerNorm_type", \.normalization),
      ConfigurationKey("noise_level", \.takesNoiseLevel),
    ]
  }

  /// Sides become multiples of this: the levels' own, and 4 more.
  var padding: Int { 4 << encoder.count }

  /// The block of a level, nil being the middle.
  func block(level: Int?) -> RestormerBlock {
    RestormerBlock(
      heads: level.map { heads[$0] } ?? middleHeads, expansion: expansion, bias: bias,
      normalization: normalization)
  }

  func verify() throws(GraphError) {
    guard encoder.count == decoder.count, heads.count >= encoder.count else {
      throw .invalid(
        rule: "SymUNet.levels", place: "configuration",
        detail:
          "enc_blk_nums \(encoder), dec_blk_nums \(decoder) and restormer_heads \(heads) are not of one depth"
      )
    }
    try verifyExpansion(expansion)
  }
}

/// Settings from files: an expansion that makes hidden channels.
func verifyExpansion(_ expansion: Double) throws(GraphError) {
  guard expansion > 0, expansion <= 64 else {
    throw .invalid(
      rule: "Configuration.expansion", place: "configuration",
      detail: "ffn_expansion_factor is \(expansion), must be over 0 and at most 64")
  }
}
