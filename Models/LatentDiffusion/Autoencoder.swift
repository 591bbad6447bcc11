import IRGraph
import IROperators
import IRTensor

/// From pictures to latents at an eighth of the sides: the encoder of diffusers' `AutoencoderKL` (Rombach et
/// al., 2022).
///
/// Input `sample [N, 3, H, W]` in -1...1, sides multiples of 8; outputs `latent_sample [N, 4, H/8, W/8]`, the
/// mode, not scaled, and `latent_logvar`, the logarithm of the variance in -30...20.
package struct AutoencoderEncoder: PartNetwork {
  package static let name = "vae_encoder"
  package let configuration: AutoencoderConfiguration

  package init(_ configuration: AutoencoderConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape {
    [1, configuration.imageChannels, 4 * configuration.factor, 4 * configuration.factor]
  }
  package var openSizes: [String: [Int: String]] { ["sample": [0: "N", 2: "H", 3: "W"]] }
  package func ignores(weight name: String) -> Bool {
    name.hasPrefix("decoder.") || name.hasPrefix("post_quant_conv.")
  }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    try configuration.verify()
    let c = configuration
    let sample = b.input("sample", TensorType(.float32, shape))
    var x = try b.convolution(sample, "encoder.conv_in", to: c.widths[0], kernel: 3, bias: true)
    for (level, width) in c.widths.enumerated() {
      let name = "encoder.down_blocks.\(level)"
      for index in 0..<c.blocksPerLevel {
        x = try b.residual(x, "\(name).resnets.\(index)", to: width, c.block)
      }
      guard level < c.widths.count - 1 else { continue }
      x = try b.convolution(
        x, "\(name).downsamplers.0.conv", to: width, kernel: 3, stride: 2, padding: 0, paddingAfter: 1,
        bias: true)
    }
    x = try b.autoencoderMiddle(x, "encoder.mid_block", c)
    x = try b.normalizedActive(x, "encoder.conv_norm_out", c.block)
    x = try b.convolution(x, "encoder.conv_out", to: 2 * c.latentChannels, kernel: 3, bias: true)
    if c.hasQuantization { x = try b.pointwise(x, "quant_conv", to: 2 * c.latentChannels, bias: true) }
    let parts = try b.chunks(x, 2, "moments")
    b.output(parts[0], name: "latent_sample")
    b.output(
      try b.apply(Activation(.clip, alpha: -30, beta: 20), parts[1], name: "logvar"), name: "latent_logvar")
  }
}

/// From latents to pictures at eight times the sides: the decoder of diffusers' `AutoencoderKL`.
///
/// Input `latent_sample [N, 4, h, w]`, not scaled; output `sample [N, 3, 8h, 8w]`, about -1...1, not clipped.
package struct AutoencoderDecoder: PartNetwork {
  package static let name = "vae_decoder"
  package let configuration: AutoencoderConfiguration

  package init(_ configuration: AutoencoderConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape { [1, configuration.latentChannels, 8, 8] }
  package var openSizes: [String: [Int: String]] { ["latent_sample": [0: "N", 2: "H", 3: "W"]] }
  package func ignores(weight name: String) -> Bool {
    name.hasPrefix("encoder.") || name.hasPrefix("quant_conv.")
  }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    try configuration.verify()
    let c = configuration
    var x = b.input("latent_sample", TensorType(.float32, shape))
    if c.hasPostQuantization { x = try b.pointwise(x, "post_quant_conv", to: c.latentChannels, bias: true) }
    x = try b.convolution(
      x, "decoder.conv_in", to: c.widths[c.widths.count - 1], kernel: 3, bias: true)
    x = try b.autoencoderMiddle(x, "decoder.mid_block", c)
    for (position, width) in c.widths.reversed().enumerated() {
      let name = "decoder.up_blocks.\(position)"
      for index in 0...c.blocksPerLevel {
        x = try b.residual(x, "\(name).resnets.\(index)", to: width, c.block)
      }
      if position < c.widths.count - 1 { x = try b.upsampled(x, "\(name).upsamplers.0") }
    }
    x = try b.normalizedActive(x, "decoder.conv_norm_out", c.block)
    b.output(
      try b.convolution(x, "decoder.conv_out", to: c.imageChannels, kernel: 3, bias: true), name: "sample")
  }
}

extension NetworkBuilder {
  /// A residual block, attention of one head among all pixels, and another residual block.
  fileprivate mutating func autoencoderMiddle(
    _ x: ValueID, _ name: String, _ c: AutoencoderConfiguration
  ) throws(GraphError) -> ValueID {
    let count = channels(x)
    var y = try residual(x, "\(name).resnets.0", to: count, c.block)
    if c.middleAttends {
      let attention = "\(name).attentions.0"
      let normal = try groupNormalization(
        y, "\(attention).group_norm", groups: c.groups, epsilon: c.block.epsilon)
      let rows = try tokens(normal, "\(attention).tokens")
      let mixed = try tokenAttention(
        query: try linear(rows, "\(attention).to_q", to: count, bias: true),
        key: try linear(rows, "\(attention).to_k", to: count, bias: true),
        value: try linear(rows, "\(attention).to_v", to: count, bias: true), attention, heads: 1)
      let update = try linear(mixed, "\(attention).to_out.0", to: count, bias: true)
      y = try sum(y, try picture(update, like: y, "\(attention).picture"), "\(attention).sum")
    }
    return try residual(y, "\(name).resnets.1", to: count, c.block)
  }
}
