import IRGraph
import IROperators
import IRTensor

/// UniRes' UNet in a size that a processor can train: the denoising UNet over latents of any number of
/// channels, with a learned embedding for each prompt, and weights of their own for each prompt where asked
/// for.
///
/// Inputs `sample [N, 2C, h, w]`, the noisy latents and behind them the picture's; `timestep [N]` in
/// 0..<1000; `prompt [N]` int64, the number of the text. Output `out_sample [N, C, h, w]`.
///
/// The time step scales each channel of what the UNet sees: where latents are noise alone, they can be shut
/// out. Shares of both halves of the sample, which follow from the time step as well, are added to what the
/// UNet makes: what is known of the picture need not pass through the normalizations.
package struct TaskUNet: PartNetwork {
  package static let name = "unet"

  package let configuration: DenoisingUNetConfiguration
  /// Whether each prompt has weights of its own, as rows of the parameters; N is 1 then.
  package var hasOwnWeights: Bool

  package init(_ configuration: DenoisingUNetConfiguration, hasOwnWeights: Bool = false) {
    self.configuration = configuration
    self.hasOwnWeights = hasOwnWeights
  }

  package var sampleShape: Shape { [1, configuration.inputChannels, 16, 16] }

  package var openSizes: [String: [Int: String]] {
    hasOwnWeights
      ? ["sample": [2: "H", 3: "W"]]
      : ["sample": [0: "N", 2: "H", 3: "W"], "timestep": [0: "N"], "prompt": [0: "N"]]
  }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    let c = configuration
    try c.verify()
    guard c.inputChannels == 2 * c.outputChannels else {
      throw .invalid(
        rule: "UNet.channels", place: "configuration",
        detail: "in_channels is \(c.inputChannels), must be twice out_channels, \(c.outputChannels)")
    }
    let count = shape[0]
    let sample = b.input("sample", TensorType(.float32, shape))
    let step = b.input("timestep", TensorType(.float32, [count]))
    let prompt = b.input("prompt", TensorType(.int64, [count]))
    if hasOwnWeights {
      guard count == 1 else {
        throw .invalid(
          rule: "UNet.batch", place: "sample",
          detail: "\(count) samples, must be 1 where prompts have weights")
      }
      b.chooseParameters(row: prompt, of: TaskPrompts.texts.count)
    }
    let prompts = try b.parameter(
      "prompt_embedding.weight", [TaskPrompts.texts.count, 1, c.contextWidth], .normal(1))
    let context = TextContext(embeddings: prompts, prompt: prompt)
    let network = DenoisingUNet(c)
    let time = try network.time(step, &b)
    let scaled = try b.sum(sample, try b.timed(sample, time, "input_scales"), "input_scales.sum")
    let prediction = try network.prediction(scaled, time: time, context, &b)
    let parts = try b.chunks(try b.timed(sample, time, "input_shares"), 2, "input_shares.parts")
    let known = try b.sum(parts[0], parts[1], "input_shares.sum")
    b.output(try b.sum(prediction, known, "out"), name: "out_sample")
  }
}

extension NetworkBuilder {
  /// Each channel of x times a number that is linear in the embedding of its time step.
  fileprivate mutating func timed(
    _ x: ValueID, _ time: ValueID, _ name: String
  ) throws(GraphError) -> ValueID {
    let factors = try linear(time, name, to: channels(x), bias: true)
    let column = try reshaped(factors, [.batch, .extent(axis: 1), 1, 1], "\(name).column")
    return try product(x, column, "\(name).product")
  }
}

extension DenoisingUNetConfiguration {
  /// `unires-s`: latents of 16 channels, two levels, attention in the middle.
  package static var small: Self {
    var result = Self()
    (result.inputChannels, result.outputChannels) = (32, 16)
    (result.widths, result.blocksPerLevel, result.heads) = ([48, 64], 1, .same(2))
    (result.contextWidth, result.groups) = (32, 8)
    result.setAttention([false, false])
    return result
  }
}
