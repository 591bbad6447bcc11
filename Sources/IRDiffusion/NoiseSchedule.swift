/// Shares of picture and noise at each of the training's time steps: z = √ᾱ x + √(1 - ᾱ) ε (Ho et al., 2020).
package struct NoiseSchedule: Hashable, Sendable {
  /// The shares that latents are made of at one point: signal² + noise² = 1.
  package struct Level: Hashable, Sendable {
    /// √ᾱ.
    package var signal: Double
    /// √(1 - ᾱ).
    package var noise: Double

    init(cumulative: Double) { (signal, noise) = (cumulative.squareRoot(), (1 - cumulative).squareRoot()) }

    /// The level with this ratio of noise to signal.
    init(ratio: Double) {
      let length = (1 + ratio * ratio).squareRoot()
      (signal, noise) = (1 / length, ratio / length)
    }

    static let clean = Level(cumulative: 1)
  }

  package let configuration: SchedulerConfiguration
  /// ᾱ for each time step, decreasing.
  package let cumulative: [Double]

  /// - Throws: `DiffusionError.schedule` for settings that make no schedule.
  package init(_ configuration: SchedulerConfiguration) throws(DiffusionError) {
    try configuration.verify()
    self.configuration = configuration
    let betas = Self.betas(configuration)
    var product = 1.0
    let plain = betas.map { beta -> Double in
      product *= 1 - beta
      return product
    }
    cumulative = configuration.hasZeroTerminalSNR ? Self.withZeroTerminal(plain) : plain
    guard configuration.prediction != .epsilon || (cumulative.last ?? 1) > 0x1p-48 else {
      throw .schedule(
        "beta_end \(configuration.betaEnd) leaves \(cumulative.last ?? 0) of the picture after "
          + "\(configuration.trainingStepCount) steps: noise alone says nothing of it")
    }
  }

  private static func betas(_ c: SchedulerConfiguration) -> [Double] {
    let last = Double(max(c.trainingStepCount - 1, 1))
    func line(_ from: Double, _ to: Double) -> [Double] {
      (0..<c.trainingStepCount).map { from + (to - from) * Double($0) / last }
    }
    switch c.betaSchedule {
    case .linear: return line(c.betaStart, c.betaEnd)
    case .scaledLinear:
      return line(c.betaStart.squareRoot(), c.betaEnd.squareRoot()).map { $0 * $0 }
    }
  }

  /// √ᾱ shifted so that the last one is 0, and scaled so that the first one stays (Lin et al., 2024).
  private static func withZeroTerminal(_ cumulative: [Double]) -> [Double] {
    let roots = cumulative.map { $0.squareRoot() }
    let (first, last) = (roots[0], roots[roots.count - 1])
    guard first > last else { return cumulative }
    return roots.map { root in
      let moved = (root - last) * first / (first - last)
      return moved * moved
    }
  }

  /// The level at a time step.
  package func level(at step: Int) -> Level { Level(cumulative: cumulative[step]) }

  /// The level before the first time step.
  var finalLevel: Level { configuration.endsAtOne ? .clean : level(at: 0) }

  /// Noise over signal at a time step between whole ones, linear between their ratios. Where all is noise,
  /// the ratio is that of ᾱ = 2⁻²⁴, as in diffusers.
  func ratio(at step: Double) -> Double {
    func whole(_ step: Int) -> Double {
      let share = max(cumulative[step], 0x1p-24)
      return ((1 - share) / share).squareRoot()
    }
    let low = min(max(Int(step), 0), cumulative.count - 1)
    let high = min(low + 1, cumulative.count - 1)
    let part = min(max(step - Double(low), 0), 1)
    return whole(low) * (1 - part) + whole(high) * part
  }
}
