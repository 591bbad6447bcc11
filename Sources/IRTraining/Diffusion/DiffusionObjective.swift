import IRDegradation
import IRDiffusion

/// The goal of a denoising diffusion model's training (Ho et al., 2020): at a random time step, from latents
/// with that step's share of noise, the noise itself, or what else the schedule says is predicted.
package struct DiffusionObjective: Sendable {
  package let schedule: NoiseSchedule
  package var options: Options

  package struct Options: Hashable, Sendable, Codable {
    /// γ of min-SNR weighting (Hang et al., 2023); nil gives every time step the same weight.
    package var gamma: Double? = 5
    /// The share of images that take the last time step: plain regression where that is noise alone, so that
    /// one step restores. They have weight 1. Images without their picture are never among them.
    package var lastStepShare = 0.5
    /// How often the model is not shown the picture, and not told the task.
    package var pictureDrop = 0.1
    package var textDrop = 0.1

    package init() {}
  }

  package init(_ schedule: NoiseSchedule, _ options: Options = Options()) {
    self.schedule = schedule
    self.options = options
  }

  /// The random choices for one image.
  package struct Draw: Hashable, Sendable {
    package var timestep: Int
    package var weight: Double
    package var dropsPicture: Bool
    package var dropsText: Bool
  }

  package func draw(_ random: inout RandomSource) -> Draw {
    let dropsPicture = random.uniform() < options.pictureDrop
    let dropsText = random.uniform() < options.textDrop
    let last = schedule.configuration.trainingStepCount - 1
    let isLast = random.uniform() < options.lastStepShare && !dropsPicture
    let step = random.index(below: last + 1)
    return Draw(
      timestep: isLast ? last : step, weight: isLast ? 1 : weight(at: step), dropsPicture: dropsPicture,
      dropsText: dropsText)
  }

  /// The weight of a time step: that of its clean picture's error is min(SNR, γ), and each prediction has
  /// its own ratio to that.
  package func weight(at step: Int) -> Double {
    guard let gamma = options.gamma else { return 1 }
    let level = schedule.level(at: step)
    let (signal, noise) = (level.signal * level.signal, level.noise * level.noise)
    // SNR = signal / noise, written so that neither end divides by 0.
    let clipped = min(signal, gamma * noise)
    switch schedule.configuration.prediction {
    case .epsilon: return signal > 0 ? clipped / signal : 1
    case .velocity: return clipped
    case .sample: return noise > 0 ? clipped / noise : gamma
    }
  }

  /// The noisy latents and what is to be predicted from them.
  /// - Precondition: as much noise, of variance 1, as latents.
  package func question(
    clean: [Float], noise: [Float], timestep: Int
  ) -> (latents: [Float], target: [Float]) {
    precondition(clean.count == noise.count)
    let level = schedule.level(at: timestep)
    let (a, b) = (Float(level.signal), Float(level.noise))
    let latents = clean.indices.map { a * clean[$0] + b * noise[$0] }
    switch schedule.configuration.prediction {
    case .epsilon: return (latents, noise)
    case .velocity: return (latents, clean.indices.map { a * noise[$0] - b * clean[$0] })
    case .sample: return (latents, clean)
    }
  }
}
