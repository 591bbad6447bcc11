import IRDiffusion
import IRModels
import IRRuntime
import IRTensor

/// Settings of a restoration.
public struct PipelineSettings: Sendable {
  /// How the result gets the colours of the picture.
  public enum Colours: String, Sendable, CaseIterable { case none, adain, wavelet }

  public var composition: Composition
  public var method = SamplingMethod.ddim(eta: 0)
  public var stepCount = 50
  /// nil is the scheduler's own, or trailing below 20 steps: leading spacing begins far from noise then.
  public var spacing: TimestepSpacing?
  public var seed: UInt64 = 1
  public var colours = Colours.adain
  /// How much of the corrected colours is taken, 0 to 1.
  public var colourBlend = 1.0

  public init(_ composition: Composition) { self.composition = composition }

  func spacing(_ own: TimestepSpacing) -> TimestepSpacing { spacing ?? (stepCount < 20 ? .trailing : own) }
}

/// A latent diffusion model that restores pictures: the encoder, the denoising UNet that is shown the picture's latents,
/// the decoder, and the tasks' prompts.
public struct RestorationPipeline: Sendable {
  public let files: PipelineFiles
  let encoder: PipelinePart
  let unet: PipelinePart
  let decoder: PipelinePart
  /// Channels of the latents.
  public let latentChannels: Int
  /// The prompts' embeddings `[5, T, D]`, for a UNet that takes those instead of prompts' numbers.
  let prompts: Tensor?

  /// Sides of pictures are continued to multiples of this many pixels.
  private static let multiple = 64

  /// Reads the parts, and says what keeps them from being a restorer.
  /// - Throws: `PipelineError`, `ONNXError`, `DiffusionError`.
  public init(contentsOf folder: String, options: RuntimeOptions = RuntimeOptions()) throws {
    files = try PipelineFiles(folder)
    unet = try PipelinePart("unet", files)
    func refusal(_ detail: String) -> PipelineError { .notRestoring(folder: folder, detail: detail) }
    guard let sample = unet.extents(of: "sample"), sample.count == 4, let channels = sample[1] else {
      throw refusal("unet/model.onnx takes no sample [N, C, h, w] of known channels")
    }
    guard unet.inputNames.contains("timestep") else { throw refusal("unet/model.onnx takes no timestep") }
    decoder = try PipelinePart("vae_decoder", files)
    guard let latents = decoder.extents(of: "latent_sample"), latents.count == 4, let count = latents[1],
      (1...4096).contains(count)
    else { throw refusal("vae_decoder/model.onnx takes no latent_sample [N, C, h, w] of known channels") }
    latentChannels = count
    guard channels != count else {
      throw refusal(
        "its UNet takes \(channels) channels, the noisy latents alone: it makes pictures of texts and is not shown one"
      )
    }
    guard channels == 2 * count else {
      throw refusal(
        "its UNet takes \(channels) channels; a restorer's takes \(count) of noise and \(count) of the picture"
      )
    }
    encoder = try PipelinePart("vae_encoder", files)
    guard let picture = encoder.extents(of: "sample"), picture.count == 4, picture[1] ?? 3 == 3 else {
      throw refusal("vae_encoder/model.onnx takes no sample [N, 3, H, W]")
    }
    if unet.inputNames.contains("prompt") {
      prompts = nil
    } else if unet.inputNames.contains("encoder_hidden_states") {
      prompts = try Self.embeddings(files, options)
    } else {
      throw refusal("unet/model.onnx takes neither prompt nor encoder_hidden_states")
    }
  }

  /// The tasks' prompts, embedded by the text tower in the folder.
  private static func embeddings(_ files: PipelineFiles, _ options: RuntimeOptions) throws -> Tensor {
    guard files.has("text_encoder") else {
      throw PipelineError.notRestoring(
        folder: files.folder,
        detail: "its UNet takes texts as embeddings, and text_encoder/model.onnx is not there")
    }
    let tower = try PipelinePart("text_encoder", files)
    let tokens = TaskPrompts.tokens(padding: .end)
    let ids = Tensor(tokens.flatMap { $0 }, shape: [tokens.count, 77])
    let session = try tower.session(["input_ids": ids.shape], options)
    let states = try session.output("last_hidden_state", ["input_ids": ids], of: tower)
    guard states.shape.rank == 3, states.shape[0] == tokens.count else {
      throw PipelineError.part(
        path: tower.path, detail: "last_hidden_state is \(states.shape) for \(ids.shape)")
    }
    return states
  }

  /// Restores a picture.
  /// - Parameters:
  ///   - picture: `[1, 3, H, W]` float32, sRGB in 0...1.
  ///   - settings: the composition, the sampler, the seed and the colours.
  ///   - options: threads and memory.
  ///   - progress: called after each step with the number of steps done and in all; what it throws ends the work.
  /// - Returns: the restored picture, of the same size, in 0...1.
  /// - Throws: `PipelineError`, and what the parts' compilation and runs throw.
  public func restored(
    _ picture: Tensor, _ settings: PipelineSettings, options: RuntimeOptions = RuntimeOptions(),
    progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> Tensor {
    try restored(picture, settings, start: nil, options, progress)
  }

  /// As above; `start` is noise to begin with instead of the seed's.
  func restored(
    _ picture: Tensor, _ settings: PipelineSettings, start: Tensor?, _ options: RuntimeOptions,
    _ progress: (Int, Int) throws -> Void
  ) throws -> Tensor {
    let shape = picture.shape
    guard shape.rank == 4, shape[0] == 1, shape[1] == 3, shape[2] > 0, shape[3] > 0,
      picture.elementType == .float32, (0...1).contains(settings.colourBlend)
    else {
      throw PipelineError.picture(
        "a picture of \(picture.type), colours blended by \(settings.colourBlend): must be float32[1, 3, H, W], 0 to 1"
      )
    }
    let whole = picture.mirrored(toMultipleOf: Self.multiple)
    let conditions = try conditions(whole, settings.composition, options)
    guard let latentShape = conditions.values.first?.shape else {
      throw PipelineError.picture("the composition is shown no picture")
    }
    let clean = try walked(settings, conditions, latentShape, start, options, progress)
    let unscaled = clean.mapped { $0 / files.scalingFactor }
    let decoding = try decoder.session(["latent_sample": unscaled.shape], options)
    let sample = try decoding.output("sample", ["latent_sample": unscaled], of: decoder)
    guard sample.shape == whole.shape else {
      throw PipelineError.part(
        path: decoder.path, detail: "sample is \(sample.shape), the picture \(whole.shape)")
    }
    let decoded = sample.mapped { min(max(($0 + 1) / 2, 0), 1) }
    return try coloured(decoded, like: whole, settings).cropped(height: shape[2], width: shape[3])
  }

  /// The picture's latents as each part of the composition is shown them.
  private func conditions(
    _ picture: Tensor, _ composition: Composition, _ options: RuntimeOptions
  ) throws -> [Component.Condition: Tensor] {
    let encoding = try encoder.session(["sample": picture.shape], options)
    var result: [Component.Condition: Tensor] = [:]
    // Whatever the composition is, one picture tells the latents' size.
    for condition in composition.conditions.union([.picture(factor: 1)]) {
      guard case .picture(let factor) = condition else { continue }
      let shown = try LowQuality.reduced(picture, by: factor).mapped { 2 * $0 - 1 }
      let latents = try encoding.output("latent_sample", ["sample": shown], of: encoder)
      guard latents.shape.rank == 4, latents.shape[0] == 1, latents.shape[1] == latentChannels else {
        throw PipelineError.part(
          path: encoder.path,
          detail: "latent_sample is \(latents.shape), the decoder takes \(latentChannels) channels")
      }
      result[condition] = latents.mapped { $0 * files.conditionFactor }
    }
    return result
  }

  private func walked(
    _ settings: PipelineSettings, _ conditions: [Component.Condition: Tensor], _ shape: Shape,
    _ start: Tensor?,
    _ options: RuntimeOptions, _ progress: (Int, Int) throws -> Void
  ) throws -> Tensor {
    var scheduler = files.scheduler
    scheduler.spacing = settings.spacing(scheduler.spacing)
    var sampler = try Sampler(
      NoiseSchedule(scheduler), method: settings.method, stepCount: settings.stepCount)
    let count = settings.composition.parts.count
    var shapes: [String: Shape] = ["sample": [count, 2 * latentChannels, shape[2], shape[3]]]
    let isScalar = unet.extents(of: "timestep")?.isEmpty ?? false
    shapes["timestep"] = isScalar ? .scalar : [count]
    if let prompts {
      shapes["encoder_hidden_states"] = [count, prompts.shape[1], prompts.shape[2]]
    } else {
      shapes["prompt"] = [count]
    }
    let denoising = try unet.session(shapes, options)
    let texts = prompts.map { $0.rows(settings.composition.parts.map(\.component.prompt)) }
    return try sampler.walk(
      settings.composition, conditions: conditions, noise: SeededNoise(seed: settings.seed),
      channels: latentChannels, start: start
    ) { question in
      var inputs = ["sample": question.sample, "prompt": question.prompt]
      inputs["timestep"] = isScalar ? Tensor(scalar: question.timestep.floats[0]) : question.timestep
      inputs["encoder_hidden_states"] = texts
      let prediction = try denoising.output("out_sample", inputs, of: unet)
      guard prediction.shape == [count, latentChannels, shape[2], shape[3]] else {
        throw PipelineError.part(
          path: unet.path, detail: "out_sample is \(prediction.shape) for \(question.sample.shape)")
      }
      return prediction
    } progress: { done, all in
      try progress(done, all)
    }
  }

  private func coloured(
    _ decoded: Tensor, like picture: Tensor, _ settings: PipelineSettings
  ) throws -> Tensor {
    let fixed: Tensor
    switch settings.colours {
    case .none: return decoded
    case .adain: fixed = try ColourFix.statistics(decoded, like: picture)
    case .wavelet: fixed = try ColourFix.wavelet(decoded, like: picture)
    }
    let (a, b, blend) = (decoded.doubles, fixed.doubles, settings.colourBlend)
    return Tensor(
      decoded.type, doubles: a.indices.map { min(max(a[$0] + blend * (b[$0] - a[$0]), 0), 1) })
  }
}
