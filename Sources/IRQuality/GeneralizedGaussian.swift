#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An asymmetric generalized Gaussian distribution, fitted by its moments (Lasmar et al., 2009).
struct GeneralizedGaussian {
  /// The shape: 2 for a Gaussian, 1 for Laplace's.
  var alpha: Double
  /// Roots of the mean squares of what is below and above 0; NaN where nothing is.
  var left: Double
  var right: Double

  /// The shapes that are tried, 0.2 to 10.
  private static let shapes = (0...9800).map { Double(Float(0.2 + 0.001 * Double($0))) }
  /// Γ(2/α)² / (Γ(1/α) Γ(3/α)) for each of them, increasing.
  private static let ratios = shapes.map { exp(2 * lgamma(2 / $0) - lgamma(1 / $0) - lgamma(3 / $0)) }

  init(_ values: [Double]) {
    var (below, above, countBelow, countAbove, magnitude) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for value in values {
      magnitude += value.magnitude
      if value < 0 { (below, countBelow) = (below + value * value, countBelow + 1) }
      if value > 0 { (above, countAbove) = (above + value * value, countAbove + 1) }
    }
    left = (below / countBelow).squareRoot()
    right = (above / countAbove).squareRoot()
    let count = Double(values.count)
    let gamma = left / right
    let share = (magnitude / count) * (magnitude / count) / ((below + above) / count)
    let square = gamma * gamma + 1
    alpha = Self.shape(share * (gamma * gamma * gamma + 1) * (gamma + 1) / (square * square))
  }

  /// The shape of a symmetric distribution, and the mean square.
  static func symmetric(_ values: [Double]) -> (alpha: Double, variance: Double) {
    let count = Double(values.count)
    let variance = values.reduce(0) { $0 + $1 * $1 } / count
    let mean = values.reduce(0) { $0 + $1.magnitude } / count
    // The reciprocal ratios are compared, so that the nearest may be another.
    let wanted = variance / (mean * mean)
    let near = place(1 / wanted)
    let best = [near - 1, near, near + 1].filter(shapes.indices.contains).min {
      (wanted - 1 / ratios[$0]).magnitude < (wanted - 1 / ratios[$1]).magnitude
    }
    return (shapes[best ?? near], variance)
  }

  private static func shape(_ ratio: Double) -> Double {
    guard ratio.isFinite else { return shapes[0] }
    return shapes[place(ratio)]
  }

  /// The place of the nearest ratio.
  private static func place(_ ratio: Double) -> Int {
    var (low, high) = (0, ratios.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if ratios[middle] < ratio { low = middle + 1 } else { high = middle }
    }
    return low > 0 && ratio - ratios[low - 1] <= ratios[low] - ratio ? low - 1 : low
  }

  /// (β_right - β_left) Γ(2/α) / Γ(1/α).
  var mean: Double { (scales.right - scales.left) * exp(lgamma(2 / alpha) - lgamma(1 / alpha)) }

  /// β on both sides: the deviations times √(Γ(1/α) / Γ(3/α)).
  var scales: (left: Double, right: Double) {
    let factor = exp(lgamma(1 / alpha) - lgamma(3 / alpha)).squareRoot()
    return (left * factor, right * factor)
  }

  /// The mean as BRISQUE has it.
  var offset: Double {
    (right - left) * exp(lgamma(2 / alpha) - (lgamma(1 / alpha) + lgamma(3 / alpha)) / 2)
  }
}
