import IRGraph
import IROperators
import IRTensor

/// Settings of TAESD under the keys of diffusers' `config.json` of `AutoencoderTiny`.
package struct TinyAutoencoderConfiguration: NetworkConfiguration {
  package var latentChannels = 4
  package var encoderWidths = [64, 64, 64, 64]
  package var decoderWidths = [64, 64, 64, 64]
  package var encoderBlocks = [1, 3, 3, 3]
  package var decoderBlocks = [3, 3, 3, 1]

  package init() {}

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("latent_channels", \.latentChannels, in: 1...1024),
      ConfigurationKey("encoder_block_out_channels", \.encoderWidths, in: 1...1024),
      ConfigurationKey("decoder_block_out_channels", \.decoderWidths, in: 1...1024),
      ConfigurationKey("num_encoder_blocks", \.encoderBlocks, in: 0...64),
      ConfigurationKey("num_decoder_blocks", \.decoderBlocks, in: 0...64),
      ConfigurationKey("in_channels", only: 3), ConfigurationKey("out_channels", only: 3),
      ConfigurationKey("act_fn", only: "relu"), ConfigurationKey("upsample_fn", only: "nearest"),
      ConfigurationKey("upsampling_scaling_factor", only: 2), ConfigurationKey("scaling_factor", only: 1.0),
    ]
  }

  package static func passesOver(_ key: String, isOff: Bool) -> Bool {
    isOff || key.hasPrefix("_")
      || ["latent_magnitude", "latent_shift", "force_upcast", "block_out_channels"].contains(key)
  }

  func verify() throws(GraphError) {
    for (widths, blocks) in [(encoderWidths, encoderBlocks), (decoderWidths, decoderBlocks)] {
      guard !widths.isEmpty, widths.count == blocks.count, widths.allSatisfy({ $0 == widths[0] }) else {
        throw .invalid(
          rule: "TinyAutoencoder.settings", place: "configuration",
          detail: "the widths \(widths) must be equal, one for each of the numbers of blocks \(blocks)")
      }
    }
  }
}

/// TAESD's encoder (Boer Bohan, 2023): the latents of Stable Diffusion's autoencoder, scaled, by plain
/// convolutions.
///
/// Input `sample [N, 3, H, W]` in -1...1, sides multiples of 8; output `latent_sample [N, 4, H/8, W/8]`.
package struct TinyAutoencoderEncoder: PartNetwork {
  package static let name = "tiny_vae_encoder"
  package let configuration: TinyAutoencoderConfiguration

  package init(_ configuration: TinyAutoencoderConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape { [1, 3, 64, 64] }
  package var openSizes: [String: [Int: String]] { ["sample": [0: "N", 2: "H", 3: "W"]] }
  package func ignores(weight name: String) -> Bool { name.hasPrefix("decoder.") }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    try configuration.verify()
    let sample = b.input("sample", TensorType(.float32, shape))
    var x = try b.apply(Activation(.affine, alpha: 0.5, beta: 0.5), sample, name: "shifted")
    var index = 0
    func next() -> String { defer { index += 1 }; return "encoder.layers.\(index)" }
    for (stage, count) in configuration.encoderBlocks.enumerated() {
      let width = configuration.encoderWidths[stage]
      x = try b.convolution(
        x, next(), to: width, kernel: 3, stride: stage == 0 ? 1 : 2, padding: 1, bias: stage == 0)
      for _ in 0..<count { x = try b.tinyBlock(x, next()) }
    }
    b.output(
      try b.convolution(x, next(), to: configuration.latentChannels, kernel: 3, bias: true),
      name: "latent_sample")
  }
}

/// TAESD's decoder.
///
/// Input `latent_sample [N, 4, h, w]`, scaled; output `sample [N, 3, 8h, 8w]`, about -1...1.
package struct TinyAutoencoderDecoder: PartNetwork {
  package static let name = "tiny_vae_decoder"
  package let configuration: TinyAutoencoderConfiguration

  package init(_ configuration: TinyAutoencoderConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape { [1, configuration.latentChannels, 8, 8] }
  package var openSizes: [String: [Int: String]] { ["latent_sample": [0: "N", 2: "H", 3: "W"]] }
  package func ignores(weight name: String) -> Bool { name.hasPrefix("encoder.") }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    try configuration.verify()
    let latents = b.input("latent_sample", TensorType(.float32, shape))
    // Latents beyond 3 come back: 3 tanh(x / 3).
    let third = try b.apply(Activation(.affine, alpha: 1 / 3), latents, name: "third")
    let bounded = try b.apply(Unary(.tanh), third, name: "tanh")
    var x = try b.apply(Activation(.affine, alpha: 3), bounded, name: "bounded")
    var index = 0
    func next() -> String { defer { index += 1 }; return "decoder.layers.\(index)" }
    x = try b.convolution(x, next(), to: configuration.decoderWidths[0], kernel: 3, bias: true)
    x = try b.apply(Unary(.relu), x, name: next())
    for (stage, count) in configuration.decoderBlocks.enumerated() {
      for _ in 0..<count { x = try b.tinyBlock(x, next()) }
      let isLast = stage == configuration.decoderBlocks.count - 1
      if !isLast { x = try b.repeatedTwice(x, next()) }
      let width = isLast ? 3 : configuration.decoderWidths[stage]
      x = try b.convolution(x, next(), to: width, kernel: 3, bias: isLast)
    }
    b.output(try b.apply(Activation(.affine, alpha: 2, beta: -1), x, name: "shifted"), name: "sample")
  }
}

extension NetworkBuilder {
  /// max(0, x + three convolutions of x).
  fileprivate mutating func tinyBlock(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    var y = x
    for index in [0, 2, 4] {
      y = try convolution(y, "\(name).conv.\(index)", to: channels(x), kernel: 3, bias: true)
      if index < 4 { y = try apply(Unary(.relu), y, name: "\(name).conv.\(index + 1)") }
    }
    return try apply(Unary(.relu), try sum(y, x, "\(name).sum"), name: "\(name).fuse")
  }
}
