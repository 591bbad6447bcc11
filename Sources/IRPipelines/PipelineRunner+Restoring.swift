import IRDiffusion
import IRImage
import IRRuntime
import IRTensor

/// How far a restoration is.
package struct PipelineProgress: Hashable, Sendable {
  package enum Stage: String, Sendable { case searching, restoring }

  package var stage: Stage
  /// Units of work done and in all: passes of the UNet over a tile, and candidates that are screened.
  package var done: Int
  package var total: Int
}

extension PipelineRunner {
  /// Restores a picture.
  /// - Parameters:
  ///   - picture: `[1, 3, H, W]` float32, sRGB in 0...1.
  ///   - settings: the composition, the sampler, the seed and the colours.
  ///   - progress: called after each pass of the UNet; what it throws ends the work.
  /// - Returns: the restored picture `[1, 3, scale · H, scale · W]`, in 0...1.
  /// - Throws: `PipelineError`, and what the parts' compilation and runs throw.
  package func restored(
    _ picture: Tensor, _ settings: PipelineSettings, progress: (PipelineProgress) throws -> Void = { _ in }
  ) throws -> Tensor {
    try restored(picture, settings, start: nil, progress)
  }

  /// As above; `start` is noise to begin with instead of the seed's.
  func restored(
    _ picture: Tensor, _ settings: PipelineSettings, start: Tensor?,
    _ progress: (PipelineProgress) throws -> Void
  ) throws -> Tensor {
    let encoded = try encoded(picture, settings, settings.composition.parts.map(\.component))
    defer { parts.release() }
    var counter = PassCounter(
      stage: .restoring,
      total: settings.stepCount * settings.composition.parts.count * encoded.plan.latentTiles.count)
    let latents = try walked(settings, encoded, start: start) { question in
      let prediction = try self.prediction(question, encoded)
      try progress(counter.advanced(by: encoded.plan.latentTiles.count))
      return prediction
    }
    return try decoded(latents, encoded, settings)
  }

  /// Checks a picture, plans its restoration and encodes it, enlarged first where that is asked for.
  func encoded(
    _ picture: Tensor, _ settings: PipelineSettings, _ components: some Collection<Component>
  ) throws -> Encoded {
    let shape = picture.shape
    guard shape.rank == 4, shape[0] == 1, shape[1] == 3, shape[2] > 0, shape[3] > 0,
      picture.elementType == .float32
    else {
      throw PipelineError.picture("a picture of \(picture.type), must be float32[1, 3, H, W]")
    }
    for component in components { _ = try pipeline.prompt(of: component) }
    let plan = try plan(height: shape[2], width: shape[3], settings)
    return try encoded(try LowQuality.enlarged(picture, by: settings.scale), for: components, plan)
  }

  /// Checks settings against the pipeline before anything is read.
  /// - Throws: `PipelineError.settings`, `DiffusionError.schedule`.
  package func verify(_ settings: PipelineSettings) throws {
    try settings.verify()
    _ = try sampler(settings)
    for part in settings.composition.parts { _ = try pipeline.prompt(of: part.component) }
  }

  func sampler(_ settings: PipelineSettings) throws -> Sampler {
    var scheduler = pipeline.files.scheduler
    scheduler.spacing = settings.spacing(scheduler.spacing)
    return try Sampler(NoiseSchedule(scheduler), method: settings.method, stepCount: settings.stepCount)
  }

  /// The clean latents of one walk.
  func walked(
    _ settings: PipelineSettings, _ encoded: Encoded, start: Tensor? = nil,
    predict: (Sampler.Question) throws -> Tensor
  ) throws -> Tensor {
    var sampler = try sampler(settings)
    return try sampler.walk(
      settings.composition, noise: SeededNoise(seed: settings.seed), shape: encoded.latentShape, start: start,
      predict: predict)
  }
}

/// Counts units of work.
struct PassCounter {
  let stage: PipelineProgress.Stage
  let total: Int
  private(set) var done = 0

  init(stage: PipelineProgress.Stage, total: Int) {
    self.stage = stage
    self.total = total
  }

  mutating func advanced(by count: Int) -> PipelineProgress {
    done += count
    return PipelineProgress(stage: stage, done: done, total: max(total, done))
  }
}
