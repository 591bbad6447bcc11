import IRTensor

extension Sampler {
  /// A model's inputs at one step.
  public struct Question: Sendable {
    /// `[K, C + D, h, w]`.
    public var sample: Tensor
    /// The time step for each, `[K]` float32.
    public var timestep: Tensor
    /// The prompt for each, `[K]` int64.
    public var prompt: Tensor
  }

  /// Walks from noise to clean latents `[1, C, h, w]`, the predictions of all parts being asked for at once.
  ///
  /// - Parameters:
  ///   - composition: what is asked for; parts of weight 0 cost nothing.
  ///   - conditions: latents `[1, D, h, w]` of the picture for every condition of the composition.
  ///   - noise: what is drawn at the start and, with eta, on the way.
  ///   - channels: C.
  ///   - start: noise `[1, C, h, w]` to begin with, instead of what is drawn.
  ///   - predict: the model's predictions `[K, C, h, w]`.
  ///   - progress: called after each step with the number of steps done and in all.
  /// - Returns: the clean latents, scaled as the model's are.
  /// - Throws: `DiffusionError`, and what `predict` and `progress` throw.
  public mutating func walk(
    _ composition: Composition, conditions: [Component.Condition: Tensor], noise: SeededNoise, channels: Int,
    start: Tensor? = nil, predict: (Question) throws -> Tensor,
    progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> Tensor {
    guard let shape = conditions.values.first?.shape, shape.rank == 4 else {
      throw DiffusionError.sizes("no condition tells the latents' size")
    }
    func draw(_ stream: Int) -> Tensor {
      noise.tensor(channels: channels, height: shape[2], width: shape[3], stream: stream)
    }
    var latents = self.start(start ?? draw(0))
    while !isFinished {
      latents = try step(latents, composition, conditions, noise: needsNoise ? draw(index + 1) : nil, predict)
      try progress(index, stepCount)
    }
    return latents
  }

  /// One step of `walk`.
  public mutating func step(
    _ latents: Tensor, _ composition: Composition, _ conditions: [Component.Condition: Tensor],
    noise: Tensor? = nil, _ predict: (Question) throws -> Tensor
  ) throws -> Tensor {
    let count = composition.parts.count
    let question = Question(
      sample: try composition.sample(latents, conditions),
      timestep: Tensor([Float](repeating: Float(timestep), count: count), shape: [count]),
      prompt: composition.prompts)
    let prediction = try composition.combined(try predict(question))
    return try advance(latents, prediction: prediction, noise: noise)
  }
}
