import IRGraph
import IROperators
import IRTensor

/// SwinIR (Liang et al., 2021) at its input's size: attention in windows, shifted in every second block.
package struct SwinIR: RestorationNetwork {
  package static let name = "swinir"
  package static let card = NetworkCard(
    title: "SwinIR", paper: "Liang et al., 2021, arXiv 2108.10257",
    task: "Gaussian noise of one deviation, or JPEG artefacts of one quality",
    licence: "authors' code and weights: Apache 2.0", trainingData: "DIV2K, Flickr2K, BSD500, WED",
    published: "CBSD68, σ 15, 25, 50: 34.42, 31.78, 28.56 dB PSNR")
  package static let presets = [
    ("colour-denoising", SwinIRConfiguration()), ("grey-denoising", SwinIRConfiguration(channels: 1)),
    ("jpeg", .jpeg),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: SwinIRConfiguration
  package var channelCount: Int { configuration.channels }

  package init(_ configuration: SwinIRConfiguration) { self.configuration = configuration }

  /// Tables that the official code stores and that follow from the settings.
  package func ignores(weight name: String) -> Bool {
    name.hasSuffix(".relative_position_index") || name.hasSuffix(".attn_mask")
  }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try configuration.verify()
    let c = configuration
    let padded = try b.padded(image, toMultipleOf: c.window, .reflect)
    let mean = b.constant(c.mean, [c.channels, 1, 1], "mean")
    let range = b.constant([c.range], [1], "img_range")
    let x = try b.product(
      try b.apply(Binary(.subtract), padded, mean, name: "centred"), range, "normalized")
    let first = try b.convolution(x, "conv_first", to: c.dim, kernel: 3, bias: true)
    let deep = try b.sum(
      try b.convolution(try features(first, &b), "conv_after_body", to: c.dim, kernel: 3, bias: true), first,
      "body")
    let y = try b.sum(
      x, try b.convolution(deep, "conv_last", to: c.channels, kernel: 3, bias: true), "residual")
    let restored = try b.sum(try b.apply(Binary(.divide), y, range, name: "scaled"), mean, "restored")
    return try b.cropped(restored, like: image)
  }

  /// The groups of blocks; pixels are tokens in `[N, H, W, C]` inside.
  private func features(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    var x = try b.pixels(image, "patch_embed.pixels")
    x = try b.tokenNormalization(x, "patch_embed.norm")
    let mask = try WindowMask(window: configuration.window, like: x, &b)
    for (layer, depth) in configuration.depths.enumerated() {
      let group = "layers.\(layer)"
      var y = x
      for index in 0..<depth {
        let block = "\(group).residual_group.blocks.\(index)"
        y = try self.block(y, block, configuration.heads[layer], isShifted: index % 2 == 1, mask, &b)
      }
      var image = try b.image(y, "\(group).image")
      image = try b.convolution(image, "\(group).conv", to: configuration.dim, kernel: 3, bias: true)
      x = try b.sum(try b.pixels(image, "\(group).pixels"), x, "\(group).sum")
    }
    return try b.image(try b.tokenNormalization(x, "norm"), "norm.image")
  }

  private func block(
    _ x: ValueID, _ name: String, _ heads: Int, isShifted: Bool, _ mask: WindowMask,
    _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let c = configuration
    // Windows as large as the training pictures are not shifted.
    let shift = isShifted && c.imageSide > c.window ? c.window / 2 : 0
    var y = try b.tokenNormalization(x, "\(name).norm1")
    y = try b.rolled(y, by: shift, "\(name).rolled")
    let windows = try b.windows(y, side: c.window, "\(name).windows")
    let mixed = try attention(windows, "\(name).attn", heads, shift > 0 ? mask.value : nil, &b)
    y = try b.unwindowed(mixed, like: x, side: c.window, "\(name).unwindowed")
    y = try b.sum(x, try b.rolled(y, by: -shift, "\(name).back"), "\(name).sum1")
    let normal = try b.tokenNormalization(y, "\(name).norm2")
    let wide = try b.linear(
      normal, "\(name).mlp.fc1", to: Int(Double(c.dim) * c.expansion), bias: true)
    let active = try b.apply(Activation(.gelu), wide, name: "\(name).mlp.act")
    return try b.sum(y, try b.linear(active, "\(name).mlp.fc2", to: c.dim, bias: true), "\(name).sum2")
  }

  /// Attention of each window with a learnt term for every relative position.
  private func attention(
    _ x: ValueID, _ name: String, _ heads: Int, _ mask: ValueID?, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let (width, side) = (configuration.dim, configuration.window)
    let qkv = try b.linear(x, "\(name).qkv", to: 3 * width, bias: true)
    let parts = try b.results(
      Split(axis: 2, sizes: [width, width, width]), qkv, name: "\(name).split")
    let table = try b.parameter(
      "\(name).relative_position_bias_table", [(2 * side - 1) * (2 * side - 1), heads], .normal(0.02))
    let places = b.integers(relativePositions(side), "\(name).relative_position_index")
    let picked = try b.apply(Gather(axis: 0), table, places, name: "\(name).relative")
    let cube = try b.apply(
      Reshape(shape: [side * side, side * side, heads]), picked, name: "\(name).relative.cube")
    let bias = try b.apply(Transpose(permutation: [2, 0, 1]), cube, name: "\(name).relative.bias")
    let mixed = try b.tokenAttention(
      query: parts[0], key: parts[1], value: parts[2], name, heads: heads
    ) { (b, scores) throws(GraphError) in
      let biased = try b.sum(scores, bias, "\(name).biased")
      return if let mask { try b.sum(biased, mask, "\(name).masked") } else { biased }
    }
    return try b.linear(mixed, "\(name).proj", to: width, bias: true)
  }

  /// The table's row for each pair of a window's places.
  private func relativePositions(_ side: Int) -> [Int] {
    let count = side * side
    return (0..<(count * count)).map { pair in
      let (i, j) = (pair / count, pair % count)
      let (down, right) = (i / side - j / side + side - 1, i % side - j % side + side - 1)
      return down * (2 * side - 1) + right
    }
  }
}

/// Arguments of the official `SwinIR` for pictures that keep their size.
package struct SwinIRConfiguration: NetworkConfiguration {
  package var channels = 3
  /// The side of training pictures.
  package var imageSide = 128
  package var window = 8
  package var range: Float = 1
  package var depths = [6, 6, 6, 6, 6, 6]
  package var dim = 180
  package var heads = [6, 6, 6, 6, 6, 6]
  package var expansion = 2.0
  var upscale = 1
  var upsampler = ""

  package init() {}
  package init(channels: Int) { self.channels = channels }

  static var jpeg: SwinIRConfiguration {
    var result = SwinIRConfiguration(channels: 1)
    (result.imageSide, result.window, result.range) = (126, 7, 255)
    return result
  }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("in_chans", \.channels, in: 1...4),
      ConfigurationKey("img_size", \.imageSide, in: 1...4096),
      ConfigurationKey("window_size", \.window, in: 2...64), ConfigurationKey("img_range", \.range),
      ConfigurationKey("depths", \.depths, in: 0...64), ConfigurationKey("embed_dim", \.dim, in: 1...1024),
      ConfigurationKey("num_heads", \.heads, in: 1...64), ConfigurationKey("mlp_ratio", \.expansion),
      ConfigurationKey("upscale", \.upscale), ConfigurationKey("upsampler", \.upsampler),
    ]
  }

  /// The mean that is subtracted before: that of DIV2K for colour.
  var mean: [Float] {
    channels == 3 ? [0.4488, 0.4371, 0.4040] : [Float](repeating: 0, count: channels)
  }

  func verify() throws(GraphError) {
    guard depths.count == heads.count, upscale == 1, upsampler.isEmpty, range > 0 else {
      throw .invalid(
        rule: "SwinIR.settings", place: "configuration",
        detail:
          "depths \(depths) and num_heads \(heads) must be of one length, img_range \(range) over 0, and "
          + "upscale \(upscale) be 1 without upsampler: pictures keep their size here")
    }
    try verifyExpansion(expansion)
  }
}
