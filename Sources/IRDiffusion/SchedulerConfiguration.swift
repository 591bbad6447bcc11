/// The quantity that a model's output estimates.
package enum Prediction: String, Hashable, Sendable, Codable, CaseIterable {
  /// The noise ε in z = √ᾱ x + √(1 - ᾱ) ε.
  case epsilon
  /// √ᾱ ε - √(1 - ᾱ) x (Salimans and Ho, 2022).
  case velocity = "v_prediction"
  /// The clean latents x.
  case sample
}

/// Which of the training's time steps are taken (Lin et al., 2024, table 2).
package enum TimestepSpacing: String, Hashable, Sendable, Codable, CaseIterable {
  case leading, trailing, linspace
}

/// How the training's noise grows with the time step.
package enum BetaSchedule: String, Hashable, Sendable, Codable, CaseIterable {
  case linear
  /// Linear in √β: Stable Diffusion's.
  case scaledLinear = "scaled_linear"
}

/// A noise schedule as diffusers' `scheduler_config.json` states it. Keys that it does not know are passed
/// over, as diffusers does; values that it does not support are refused.
package struct SchedulerConfiguration: Hashable, Sendable, Codable {
  /// The scheduler's class in diffusers, which names the sampler.
  package var className = "DDIMScheduler"
  package var trainingStepCount = 1000
  package var betaStart = 0.00085
  package var betaEnd = 0.012
  package var betaSchedule = BetaSchedule.scaledLinear
  package var prediction = Prediction.epsilon
  package var spacing = TimestepSpacing.leading
  /// Added to the time steps of leading spacing.
  package var stepsOffset = 1
  /// Whether the step before the first one is free of noise, instead of having that of time step 0.
  package var endsAtOne = false
  package var hasZeroTerminalSNR = false
  package var clipsSample = false

  /// Stable Diffusion's.
  package init() {}

  private enum CodingKeys: String, CodingKey {
    case className = "_class_name"
    case trainingStepCount = "num_train_timesteps"
    case betaStart = "beta_start"
    case betaEnd = "beta_end"
    case betaSchedule = "beta_schedule"
    case prediction = "prediction_type"
    case spacing = "timestep_spacing"
    case stepsOffset = "steps_offset"
    case endsAtOne = "set_alpha_to_one"
    case hasZeroTerminalSNR = "rescale_betas_zero_snr"
    case clipsSample = "clip_sample"
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func read<Value: Decodable>(_ key: CodingKeys, _ property: WritableKeyPath<Self, Value>) throws {
      if let value = try container.decodeIfPresent(Value.self, forKey: key) {
        self[keyPath: property] = value
      }
    }
    try read(.className, \.className)
    try read(.trainingStepCount, \.trainingStepCount)
    try read(.betaStart, \.betaStart)
    try read(.betaEnd, \.betaEnd)
    try read(.betaSchedule, \.betaSchedule)
    try read(.prediction, \.prediction)
    try read(.spacing, \.spacing)
    try read(.stepsOffset, \.stepsOffset)
    try read(.endsAtOne, \.endsAtOne)
    try read(.hasZeroTerminalSNR, \.hasZeroTerminalSNR)
    try read(.clipsSample, \.clipsSample)
  }

  func verify() throws(DiffusionError) {
    guard (1...100_000).contains(trainingStepCount) else {
      throw .schedule("num_train_timesteps is \(trainingStepCount), must be 1 to 100000")
    }
    guard betaStart > 0, betaStart <= betaEnd, betaEnd < 1 else {
      throw .schedule(
        "beta_start \(betaStart) and beta_end \(betaEnd) must be above 0, below 1, and not decrease")
    }
    guard (0..<trainingStepCount).contains(stepsOffset) else {
      throw .schedule("steps_offset is \(stepsOffset), must be 0 to \(trainingStepCount - 1)")
    }
    guard !clipsSample else { throw .schedule("clip_sample is true, which latents do not have") }
    guard !hasZeroTerminalSNR || prediction != .epsilon else {
      throw .schedule(
        "rescale_betas_zero_snr with prediction_type epsilon: noise alone says nothing of the picture")
    }
  }
}
