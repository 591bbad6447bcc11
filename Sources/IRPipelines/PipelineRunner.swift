import IRDiffusion
import IRImage
import IRRuntime
import IRTensor

/// Restores pictures with a pipeline, whose networks it compiles for the sizes at hand and keeps; not for
/// several threads at once.
///
/// The UNet is asked for one component at a time: one program serves every composition, in the memory of one
/// pass, and a prediction has the same bits whatever else is composed.
package final class PipelineRunner {
  package let pipeline: RestorationPipeline
  let parts: CompiledParts

  package var options: RuntimeOptions { parts.options }

  package init(_ pipeline: RestorationPipeline, options: RuntimeOptions = RuntimeOptions()) {
    self.pipeline = pipeline
    parts = CompiledParts(options: options)
  }

  /// A picture as the networks see it.
  struct Encoded {
    /// `[1, 3, H, W]` float32 in 0...1, sides multiples of `PipelineSettings.multiple`.
    var picture: Tensor
    /// The sides that come back.
    var height: Int
    var width: Int
    /// The latents `[1, C, h, w]` of the picture in every form that was asked for.
    var conditions: [Component.Condition: Tensor]
    var plan: PipelinePlan

    var latentShape: Shape {
      [1, plan.latentChannels, plan.latentTiles.rows.extent, plan.latentTiles.columns.extent]
    }
  }

  /// Encodes a picture `[1, 3, H, W]` float32 in 0...1 in every form that the components are shown.
  /// - Throws: `PipelineError`, and what compilation and runs throw.
  func encoded(_ picture: Tensor, for components: some Sequence<Component>, _ plan: PipelinePlan) throws
    -> Encoded
  {
    let whole = picture.reflectPadded(toMultipleOf: PipelineSettings.multiple)
    let encoder = pipeline.encoder
    let pixels = plan.latentTiles.scaled(by: plan.factor)
    var conditions: [Component.Condition: Tensor] = [:]
    for condition in Set(components.map(\.condition)) {
      guard case .picture(let factor) = condition else { continue }
      let shown = try LowQuality.reduced(whole, by: factor).mapped { 2 * $0 - 1 }
      let latents = try plan.latentTiles.blended(channels: plan.latentChannels) { row, column in
        let tile = pixels.window(of: shown, row: plan.factor * row, column: plan.factor * column)
        return try parts.output("latent_sample", of: encoder, ["sample": tile])
      }
      conditions[condition] = latents.mapped { $0 * pipeline.files.conditionFactor }
    }
    return Encoded(
      picture: whole, height: picture.shape[2], width: picture.shape[3], conditions: conditions, plan: plan)
  }

  /// The UNet's prediction `[1, C, h, w]` for one component.
  func prediction(_ question: Sampler.Question, _ encoded: Encoded) throws -> Tensor {
    let plan = encoded.plan
    let component = question.component
    let condition: Tensor
    switch component.condition {
    case .none: condition = Tensor(zeros: TensorType(.float32, encoded.latentShape))
    case .picture:
      guard let latents = encoded.conditions[component.condition] else {
        throw PipelineError.picture("the picture is not encoded for \(component.rawValue)")
      }
      condition = latents
    }
    var inputs: [String: Tensor] = [:]
    let time = Float(question.timestep)
    inputs["timestep"] = pipeline.hasScalarTimestep ? Tensor(scalar: time) : Tensor([time], shape: [1])
    let prompt = try pipeline.prompt(of: component)
    if let texts = pipeline.texts {
      inputs["encoder_hidden_states"] = texts.row(prompt)
    } else {
      inputs["prompt"] = Tensor([Int64(prompt)], shape: [1])
    }
    return try plan.latentTiles.blended(channels: plan.latentChannels) { row, column in
      let tiles = plan.latentTiles
      inputs["sample"] = try Component.sample(
        tiles.window(of: question.latents, row: row, column: column),
        tiles.window(of: condition, row: row, column: column))
      return try parts.output("out_sample", of: pipeline.unet, inputs)
    }
  }

  /// The picture of clean latents, with the colours of the picture that they were made of, cropped to its
  /// sides; by the small decoder, where there is one, for a picture that is only judged.
  /// - Throws: `PipelineError.part` if the result is not finite.
  func decoded(
    _ latents: Tensor, _ encoded: Encoded, _ settings: PipelineSettings, isForJudging: Bool = false
  ) throws -> Tensor {
    let plan = encoded.plan
    let tiny = isForJudging ? pipeline.tinyDecoder : nil
    let decoder = tiny ?? pipeline.decoder
    let unscaled = tiny == nil ? latents.mapped { $0 / pipeline.files.scalingFactor } : latents
    let pixels = plan.latentTiles.scaled(by: plan.factor)
    let sample = try pixels.blended(channels: 3) { row, column in
      let tile = plan.latentTiles.window(
        of: unscaled, row: row / plan.factor, column: column / plan.factor)
      let sample = try parts.output("sample", of: decoder, ["latent_sample": tile])
      guard sample.shape == [1, 3, pixels.rows.window, pixels.columns.window] else {
        throw PipelineError.part(
          path: decoder.path, detail: "sample is \(sample.shape) for latents of \(tile.shape)")
      }
      return sample
    }
    let unknown = sample.withElements(as: Float.self) { values in values.count { !$0.isFinite } }
    guard unknown == 0 else {
      throw PipelineError.part(
        path: decoder.path,
        detail: "\(unknown) of \(sample.elementCount) samples of the result are infinite or not numbers")
    }
    let clipped = sample.mapped { min(max(($0 + 1) / 2, 0), 1) }
    return try Self.coloured(clipped, like: encoded.picture, settings)
      .cropped(height: encoded.height, width: encoded.width)
  }

  private static func coloured(
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

extension RestorationPipeline {
  /// Whether the UNet takes one time step for all of a batch, as a number.
  var hasScalarTimestep: Bool { unet.extents(of: "timestep")?.isEmpty ?? false }
}
