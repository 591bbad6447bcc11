/// A way to walk from noise to a picture.
package enum SamplingMethod: Hashable, Sendable {
  /// Song et al., 2021; eta 0 adds no noise on the way, 1 as much as DDPM.
  case ddim(eta: Double)
  /// The multistep DPM-Solver++ of second order (Lu et al., 2022), its last step of first order.
  case dpmSolver2M
  /// Euler's steps in the ratio of noise to signal (Karras et al., 2022).
  case euler

  /// The sampler's name on command lines, and diffusers' class for it.
  package static let names = [
    (name: "ddim", className: "DDIMScheduler"), (name: "dpm++2m", className: "DPMSolverMultistepScheduler"),
    (name: "euler", className: "EulerDiscreteScheduler"),
  ]

  package var name: String {
    switch self {
    case .ddim: "ddim"
    case .dpmSolver2M: "dpm++2m"
    case .euler: "euler"
    }
  }

  /// The method called so, by its name or diffusers' class; `ddim` with eta 0; `dpm` is `dpm++2m`.
  package init?(_ text: String) {
    let text = text.lowercased() == "dpm" ? "dpm++2m" : text
    switch Self.names.first(where: { $0.name == text.lowercased() || $0.className == text })?.name {
    case "ddim": self = .ddim(eta: 0)
    case "dpm++2m": self = .dpmSolver2M
    case "euler": self = .euler
    default: return nil
    }
  }
}

extension NoiseSchedule {
  /// One step of a sampler.
  struct Step: Hashable, Sendable {
    /// The time step that the model is told.
    var time: Double
    var from: Level
    var to: Level
  }

  /// The steps of a sampler, from noise on, as diffusers' scheduler of that name spaces them.
  func steps(_ method: SamplingMethod, count: Int) throws(DiffusionError) -> [Step] {
    let total = configuration.trainingStepCount
    guard count >= 1, count <= total else { throw .schedule("\(count) steps, must be 1 to \(total)") }
    switch method {
    case .ddim: return ddimSteps(spaced(count, of: count).map { Int($0) }, by: total / count)
    case .dpmSolver2M:
      // A step more, left out at the end, unless the last one ends a whole step early anyway.
      // As many steps as the training had leave no room for one: two equal times would divide 0 by 0.
      let division = configuration.spacing == .trailing ? count : min(count + 1, total)
      return ratioSteps(spaced(count, of: division))
    case .euler:
      guard configuration.spacing == .linspace else { return ratioSteps(spaced(count, of: count)) }
      let last = Double(max(count - 1, 1))
      return ratioSteps((0..<count).map { Double(total - 1) * (1 - Double($0) / last) })
    }
  }

  /// The first `count` of `division` time steps, largest first.
  private func spaced(_ count: Int, of division: Int) -> [Double] {
    let total = configuration.trainingStepCount
    return (0..<count).map { index in
      let step: Double
      switch configuration.spacing {
      case .leading:
        step = Double((division - 1 - index) * (total / division) + configuration.stepsOffset)
      case .trailing:
        step =
          (Double(total) - Double(index) * (Double(total) / Double(division))).rounded(.toNearestOrEven) - 1
      case .linspace:
        let last = Double(max(division - 1, 1))
        step = (Double(total - 1) * Double(division - 1 - index) / last).rounded(.toNearestOrEven)
      }
      return min(max(step, 0), Double(total - 1))
    }
  }

  /// DDIM's: to the level a fixed stride earlier, whatever the next time step is.
  private func ddimSteps(_ times: [Int], by stride: Int) -> [Step] {
    times.map { time in
      let earlier = time - stride
      return Step(
        time: Double(time), from: level(at: time), to: earlier >= 0 ? level(at: earlier) : finalLevel)
    }
  }

  /// To the next one's level, and at last to a clean picture.
  private func ratioSteps(_ times: [Double]) -> [Step] {
    let levels = times.map { Level(ratio: ratio(at: $0)) } + [.clean]
    return times.indices.map { Step(time: times[$0], from: levels[$0], to: levels[$0 + 1]) }
  }
}
