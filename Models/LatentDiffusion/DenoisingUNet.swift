import IRGraph
import IROperators
import IRTensor

/// The denoising UNet of Stable Diffusion 1 and 2 (Rombach et al., 2022), for any number of input channels:
/// diffusers' `UNet2DConditionModel`.
///
/// Inputs `sample [N, channels, h, w]`, latents and behind them what they are conditioned on; `timestep [N]`
/// in 0..<1000; `encoder_hidden_states [N, T, D]`, or, where the prompts are known, `prompt [N]` int64, their
/// numbers. Output `out_sample [N, 4, h, w]`: the noise, or what else the model predicts.
package struct DenoisingUNet: PartNetwork {
  package static let name = "unet"

  package let configuration: DenoisingUNetConfiguration
  /// Embeddings `[P, T, D]` of the only prompts that are asked for: their keys and values become constants.
  package var prompts: Tensor?

  package init(_ configuration: DenoisingUNetConfiguration, prompts: Tensor? = nil) {
    self.configuration = configuration
    self.prompts = prompts
  }

  package var sampleShape: Shape { [1, configuration.inputChannels, 16, 16] }

  package var openSizes: [String: [Int: String]] {
    let text = prompts == nil ? "encoder_hidden_states" : "prompt"
    return ["sample": [0: "N", 2: "H", 3: "W"], "timestep": [0: "N"], text: [0: "N"]]
  }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    try configuration.verify()
    let sample = b.input("sample", TensorType(.float32, shape))
    let step = b.input("timestep", TensorType(.float32, [shape[0]]))
    let context = try context(batch: shape[0], &b)
    let time = try time(step, &b)
    b.output(try prediction(sample, time: time, context, &b), name: "out_sample")
  }

  /// The activated embedding `[N, 4 · width]` of time steps `[N]`.
  func time(_ step: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try b.silu(try b.timeEmbedding(step, width: configuration.widths[0]), "time_embedding.silu")
  }

  /// The prediction `[N, outputs, h, w]` for a sample `[N, inputs, h, w]`, the activated embedding of its
  /// time step, and its text.
  /// - Precondition: `configuration.verify` found nothing.
  func prediction(
    _ sample: ValueID, time: ValueID, _ context: TextContext, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let c = configuration
    var x = try b.convolution(sample, "conv_in", to: c.widths[0], kernel: 3, bias: true)
    var skips = [x]
    for (level, width) in c.widths.enumerated() {
      let name = "down_blocks.\(level)"
      for index in 0..<c.blocksPerLevel {
        x = try layer(x, name, index, to: width, level: c.attends[level] ? level : nil, time, context, &b)
        skips.append(x)
      }
      guard level < c.widths.count - 1 else { continue }
      x = try b.convolution(
        x, "\(name).downsamplers.0.conv", to: width, kernel: 3, stride: 2, padding: 1, bias: true)
      skips.append(x)
    }

    let last = c.widths.count - 1
    x = try b.residual(x, "mid_block.resnets.0", to: c.widths[last], time: time, c.block)
    x = try b.spatialTransformer(x, "mid_block.attentions.0", context, c.transformer(level: last))
    x = try b.residual(x, "mid_block.resnets.1", to: c.widths[last], time: time, c.block)

    for (position, level) in c.widths.indices.reversed().enumerated() {
      let name = "up_blocks.\(position)"
      for index in 0...c.blocksPerLevel {
        x = try b.concatenation(x, skips.removeLast(), "\(name).resnets.\(index).skip")
        x = try layer(
          x, name, index, to: c.widths[level], level: c.attends[level] ? level : nil, time, context, &b)
      }
      guard let skip = skips.last else { continue }
      // Halving rounds up: of an odd side one row or column is too much.
      let twice = try b.repeatedTwice(x, "\(name).upsamplers.0.twice")
      let fitting = try b.cropped(twice, like: skip, "\(name).upsamplers.0.cropped")
      x = try b.convolution(
        fitting, "\(name).upsamplers.0.conv", to: c.widths[level], kernel: 3, bias: true)
    }
    x = try b.normalizedActive(x, "conv_norm_out", c.block)
    return try b.convolution(x, "conv_out", to: c.outputChannels, kernel: 3, bias: true)
  }

  /// A residual block, and at levels with attention a transformer.
  private func layer(
    _ x: ValueID, _ name: String, _ index: Int, to width: Int, level: Int?, _ time: ValueID,
    _ context: TextContext, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let y = try b.residual(x, "\(name).resnets.\(index)", to: width, time: time, configuration.block)
    guard let level else { return y }
    return try b.spatialTransformer(
      y, "\(name).attentions.\(index)", context, configuration.transformer(level: level))
  }

  private func context(batch: Int, _ b: inout NetworkBuilder) throws(GraphError) -> TextContext {
    let width = configuration.contextWidth
    guard let prompts else {
      let type = TensorType(.float32, [batch, DenoisingUNetConfiguration.tokenCount, width])
      return TextContext(embeddings: b.input("encoder_hidden_states", type), prompt: nil)
    }
    guard prompts.shape.rank == 3, prompts.shape[2] == width, prompts.elementType == .float32 else {
      throw .invalid(
        rule: "UNet.prompts", place: "prompts",
        detail: "\(prompts.type) must be [prompts, tokens, \(width)] float32")
    }
    let table = b.constant(prompts, "prompts")
    return TextContext(embeddings: table, prompt: b.input("prompt", TensorType(.int64, [batch])))
  }
}
