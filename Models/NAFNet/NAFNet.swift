import IRGraph
import IROperators
import IRTensor

/// NAFNet (Chen et al., 2022): a U of blocks without activation functions, gated by halves of their channels.
package struct NAFNet: RestorationNetwork {
  package static let name = "nafnet"
  package static let card = NetworkCard(
    title: "NAFNet", paper: "Chen et al., 2022, arXiv 2204.04676", task: "motion blur, or camera noise",
    licence: "authors' code and weights: MIT", trainingData: "GoPro, or SIDD",
    published: "GoPro: width 32 32.87 dB PSNR, width 64 33.71 dB; SIDD: width 32 39.97 dB, width 64 40.30 dB")
  package static let presets = [
    ("gopro-32", NAFNetConfiguration()), ("gopro-64", NAFNetConfiguration(width: 64)),
    ("sidd-32", .sidd(32)), ("sidd-64", .sidd(64)),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: NAFNetConfiguration
  package var channelCount: Int { configuration.imageChannels }

  package init(_ configuration: NAFNetConfiguration) { self.configuration = configuration }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    guard configuration.encoder.count == configuration.decoder.count else {
      throw .invalid(
        rule: "NAFNet.levels", place: "configuration",
        detail:
          "enc_blk_nums \(configuration.encoder) and dec_blk_nums \(configuration.decoder) differ in depth")
    }
    let padded = try b.padded(image, toMultipleOf: 1 << configuration.encoder.count, .constant)
    var x = try b.convolution(padded, "intro", to: configuration.width, kernel: 3, bias: true)
    var skips: [ValueID] = []
    for (level, count) in configuration.encoder.enumerated() {
      x = try blocks(x, "encoders.\(level)", count, &b)
      skips.append(x)
      x = try b.convolution(
        x, "downs.\(level)", to: 2 * b.channels(x), kernel: 2, stride: 2, padding: 0, bias: true)
    }
    x = try blocks(x, "middle_blks", configuration.middle, &b)
    for (index, count) in configuration.decoder.enumerated() {
      x = try b.sum(try b.shuffledUp(x, "ups.\(index)"), skips.removeLast(), "skips.\(index)")
      x = try blocks(x, "decoders.\(index)", count, &b)
    }
    let residual = try b.convolution(x, "ending", to: configuration.imageChannels, kernel: 3, bias: true)
    return try b.cropped(try b.sum(residual, padded, "sum"), like: image)
  }

  private func blocks(
    _ x: ValueID, _ name: String, _ count: Int, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    var x = x
    for index in 0..<count { x = try block(x, "\(name).\(index)", &b) }
    return x
  }

  /// y = x + β · F₁(LN(x)), y + γ · F₂(LN(y)) (figure 3c).
  private func block(_ x: ValueID, _ name: String, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    let width = b.channels(x)
    func scaled(_ value: ValueID, _ factor: String, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
      let factor = try b.parameter("\(name).\(factor)", [1, width, 1, 1], .constant(0))
      return try b.product(value, factor, "\(name).scaled")
    }
    var y = try b.channelNormalization(x, "\(name).norm1", epsilon: 1e-6)
    y = try b.pointwise(y, "\(name).conv1", to: 2 * width, bias: true)
    y = try gate(try b.depthwise(y, "\(name).conv2", bias: true), "\(name).gate1", &b)
    let attention = try b.pointwise(
      try b.pictureMean(y, "\(name).sca.0"), "\(name).sca.1", to: width, bias: true)
    y = try b.pointwise(
      try b.product(y, attention, "\(name).sca"), "\(name).conv3", to: width, bias: true)
    y = try b.sum(x, try scaled(y, "beta", &b), "\(name).sum1")
    var z = try b.channelNormalization(y, "\(name).norm2", epsilon: 1e-6)
    z = try gate(try b.pointwise(z, "\(name).conv4", to: 2 * width, bias: true), "\(name).gate2", &b)
    z = try b.pointwise(z, "\(name).conv5", to: width, bias: true)
    return try b.sum(y, try scaled(z, "gamma", &b), "\(name).sum2")
  }

  /// SimpleGate: the product of the halves.
  private func gate(_ x: ValueID, _ name: String, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    let halves = try b.chunks(x, 2, "\(name).split")
    return try b.product(halves[0], halves[1], name)
  }
}

/// The constructor's arguments of the official `NAFNet`.
package struct NAFNetConfiguration: NetworkConfiguration {
  package var imageChannels = 3
  package var width = 32
  package var encoder = [1, 1, 1, 28]
  package var middle = 1
  package var decoder = [1, 1, 1, 1]

  package init() {}
  package init(width: Int) { self.width = width }

  static func sidd(_ width: Int) -> NAFNetConfiguration {
    var result = NAFNetConfiguration(width: width)
    (result.encoder, result.middle, result.decoder) = ([2, 2, 4, 8], 12, [2, 2, 2, 2])
    return result
  }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("img_channel", \.imageChannels, in: 1...4),
      ConfigurationKey("width", \.width, in: 1...1024),
      ConfigurationKey("enc_blk_nums", \.encoder, in: 0...64),
      ConfigurationKey("middle_blk_num", \.middle, in: 0...64),
      ConfigurationKey("dec_blk_nums", \.decoder, in: 0...64),
    ]
  }
}
