import IRTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Walks from noise to latents, one prediction a step. Latents have variance 1 throughout, for every method,
/// so that a model sees them as they are.
package struct Sampler: Sendable {
  package let schedule: NoiseSchedule
  package let method: SamplingMethod
  private let steps: [NoiseSchedule.Step]
  /// The step to come.
  package private(set) var index = 0
  /// The clean picture that was estimated in the step before.
  private var earlier: [Double]?

  /// - Throws: `DiffusionError.schedule` if the schedule has fewer steps, eta is outside 0...1, or the
  ///   first step has no signal for a model that predicts noise.
  package init(
    _ schedule: NoiseSchedule, method: SamplingMethod, stepCount: Int
  ) throws(DiffusionError) {
    if case .ddim(let eta) = method, !(0...1).contains(eta) {
      throw .schedule("eta is \(eta), must be 0 to 1")
    }
    self.schedule = schedule
    self.method = method
    steps = try schedule.steps(method, count: stepCount)
  }

  package var stepCount: Int { steps.count }
  package var isFinished: Bool { index == steps.count }
  /// The time steps that the model is told, from noise on.
  package var timesteps: [Double] { steps.map(\.time) }
  /// The time step of the prediction that comes next.
  /// - Precondition: the walk is not finished.
  package var timestep: Double { steps[index].time }
  /// Whether the next step reads noise.
  package var needsNoise: Bool {
    if case .ddim(let eta) = method { eta > 0 } else { false }
  }

  /// The latents that the walk begins with, of noise with variance 1.
  package func start(_ noise: Tensor) -> Tensor {
    // Euler's walk begins with noise of the first ratio alone, as diffusers has it; the others with pure
    // noise.
    guard method == .euler, schedule.configuration.spacing != .leading else { return noise }
    let factor = steps[0].from.noise
    return Tensor(noise.type, doubles: noise.doubles.map { $0 * factor })
  }

  /// The clean latents that a prediction at these latents stands for.
  /// - Precondition: the walk is not finished.
  package func estimate(_ latents: Tensor, prediction: Tensor) throws(DiffusionError) -> Tensor {
    Tensor(latents.type, doubles: try estimates(latents, prediction).clean)
  }

  /// Takes one step.
  ///
  /// All tensors are float32 of one shape. `noise` has variance 1 and is read where `needsNoise` says so.
  /// - Returns: the latents of the next step.
  /// - Throws: `DiffusionError.sizes` if shapes differ or noise is missing.
  /// - Precondition: the walk is not finished.
  package mutating func advance(
    _ latents: Tensor, prediction: Tensor, noise: Tensor? = nil
  ) throws(DiffusionError) -> Tensor {
    let step = steps[index]
    let (clean, epsilon) = try estimates(latents, prediction)
    defer { (index, earlier) = (index + 1, clean) }
    switch method {
    case .euler: return Tensor(latents.type, doubles: mixed(clean, epsilon, step.to))
    case .ddim(let eta):
      let (from, to) = (step.from, step.to)
      // DDPM's posterior variance.
      let share = from.noise > 0 ? to.noise / from.noise : 0
      let decay = to.signal > 0 ? from.signal / to.signal : 0
      let deviation = eta * share * max(0, 1 - decay * decay).squareRoot()
      guard deviation > 0 else { return Tensor(latents.type, doubles: mixed(clean, epsilon, to)) }
      guard let noise, noise.type == latents.type else {
        throw .sizes(
          "noise is \(noise.map { "\($0.type)" } ?? "missing"), the latents are \(latents.type)")
      }
      let direction = max(0, to.noise * to.noise - deviation * deviation).squareRoot()
      let fresh = noise.doubles
      return Tensor(
        latents.type,
        doubles: clean.indices.map {
          to.signal * clean[$0] + direction * epsilon[$0] + deviation * fresh[$0]
        })
    case .dpmSolver2M:
      var result = mixed(clean, epsilon, step.to)
      if let earlier, index < steps.count - 1 {
        // λ = log(signal / noise); the estimate is drawn on beyond this step by half of its change.
        let before = steps[index - 1].from
        func lambda(_ level: NoiseSchedule.Level) -> Double { log(level.signal / level.noise) }
        let h = lambda(step.to) - lambda(step.from)
        let ratio = (lambda(step.from) - lambda(before)) / h
        let factor = -0.5 * step.to.signal * expm1(-h) / ratio
        for element in result.indices { result[element] += factor * (clean[element] - earlier[element]) }
      }
      return Tensor(latents.type, doubles: result)
    }
  }

  /// Clean latents and noise at a level.
  private func mixed(_ clean: [Double], _ epsilon: [Double], _ to: NoiseSchedule.Level) -> [Double] {
    clean.indices.map { to.signal * clean[$0] + to.noise * epsilon[$0] }
  }

  /// The clean latents x and the noise ε that a prediction stands for.
  private func estimates(
    _ latents: Tensor, _ prediction: Tensor
  ) throws(DiffusionError) -> (clean: [Double], epsilon: [Double]) {
    guard latents.type == prediction.type, latents.elementType == .float32 else {
      throw .sizes("a prediction of \(prediction.type) for latents of \(latents.type)")
    }
    let (signal, noise) = (steps[index].from.signal, steps[index].from.noise)
    let (z, y) = (latents.doubles, prediction.doubles)
    switch schedule.configuration.prediction {
    case .epsilon: return (z.indices.map { (z[$0] - noise * y[$0]) / signal }, y)
    case .velocity:
      return (
        z.indices.map { signal * z[$0] - noise * y[$0] }, z.indices.map { signal * y[$0] + noise * z[$0] }
      )
    case .sample: return (y, z.indices.map { noise > 0 ? (z[$0] - signal * y[$0]) / noise : 0 })
    }
  }
}
