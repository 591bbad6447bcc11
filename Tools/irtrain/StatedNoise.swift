import ArgumentParser

/// The noise level that `eval` tells a model.
enum StatedNoise: ExpressibleByArgument {
  case truth
  /// As irrun estimates it.
  case estimate
  /// σ of 0...255.
  case level(Double)

  init?(argument: String) {
    switch argument {
    case "true": self = .truth
    case "auto": self = .estimate
    default:
      guard let level = Double(argument), (0...255).contains(level) else { return nil }
      self = .level(level)
    }
  }
}
