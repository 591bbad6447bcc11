import IRTensor

extension Sampler {
  /// The inputs of a model for one part of a composition at one step.
  package struct Question: Sendable {
    package var component: Component
    /// The noisy latents `[1, C, h, w]`.
    package var latents: Tensor
    /// The time step that the model is told.
    package var timestep: Double

    package init(component: Component, latents: Tensor, timestep: Double) {
      self.component = component
      self.latents = latents
      self.timestep = timestep
    }
  }

  /// Walks from noise to clean latents `[1, C, h, w]`.
  ///
  /// - Parameters:
  ///   - composition: the components that the UNet is asked for; those of weight 0 are left out.
  ///   - noise: the source of the noise at the start and, with eta, at each step.
  ///   - shape: the latents' shape.
  ///   - start: noise to begin with, instead of drawn noise.
  ///   - predict: the model's prediction `[1, C, h, w]`.
  ///   - progress: called after each step with the number of steps done and in all.
  /// - Returns: the clean latents, scaled as the model's are.
  /// - Throws: `DiffusionError`, and what `predict` and `progress` throw.
  package mutating func walk(
    _ composition: Composition, noise: SeededNoise, shape: Shape, start: Tensor? = nil,
    predict: (Question) throws -> Tensor, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> Tensor {
    guard shape.rank == 4, shape[0] == 1 else { throw DiffusionError.sizes("latents of \(shape)") }
    func draw(_ stream: Int) -> Tensor {
      noise.tensor(channels: shape[1], height: shape[2], width: shape[3], stream: stream)
    }
    var latents = self.start(start ?? draw(0))
    while !isFinished {
      latents = try step(latents, composition, noise: needsNoise ? draw(index + 1) : nil, predict)
      try progress(index, stepCount)
    }
    return latents
  }

  /// One step of `walk`.
  package mutating func step(
    _ latents: Tensor, _ composition: Composition, noise: Tensor? = nil,
    _ predict: (Question) throws -> Tensor
  ) throws -> Tensor {
    let time = timestep
    let predictions = try composition.parts.map { part in
      try predict(Question(component: part.component, latents: latents, timestep: time))
    }
    return try advance(latents, prediction: try composition.combined(predictions), noise: noise)
  }
}
