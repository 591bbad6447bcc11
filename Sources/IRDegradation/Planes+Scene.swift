import Foundation

/// Steps that make another scene: they change the clean picture as well.
extension Planes {
  /// Another exposure and contrast: gain · x^γ, γ in 0.5...2 and gain in 0.3...1.3, both uniform in their
  /// logarithms; clipped.
  mutating func changeTone(_ random: inout RandomSource) {
    let gamma = exp(random.uniform(log(0.5)...log(2)))
    let gain = exp(random.uniform(log(0.3)...log(1.3)))
    for i in pixels.indices { pixels[i] = Float(gain * pow(min(max(Double(pixels[i]), 0), 1), gamma)) }
    clip()
  }

  /// A gradient between two colours instead of the picture: pale, dark, or two of the picture's own, with at
  /// most a quarter of the picture's own detail in half of the cases.
  mutating func smoothOut(_ random: inout RandomSource) {
    let way = random.index(below: 3)
    let brightness = way == 0 ? 0.55...1.0 : 0.0...0.4
    let ends = (0..<2).map { _ -> [Double] in
      if way == 2 {
        let place = random.index(below: area)
        return (0..<channelCount).map { Double(pixels[$0 * area + place]) }
      }
      let level = random.uniform(brightness)
      return (0..<channelCount).map { _ in min(max(level + random.uniform(-0.12...0.12), 0), 1) }
    }
    let angle = random.uniform(0...2 * Double.pi)
    let (dx, dy) = (cos(angle) / Double(width), sin(angle) / Double(height))
    let steepness = random.uniform(0.2...1.5)
    let detail = random.uniform() < 0.5 ? 0 : random.uniform(0.02...0.25)
    let means = (0..<channelCount).map { channel in
      pixels[(channel * area)..<((channel + 1) * area)].reduce(0.0) { $0 + Double($1) } / Double(area)
    }
    for y in 0..<height {
      for x in 0..<width {
        let along = (Double(x) - Double(width) / 2) * dx + (Double(y) - Double(height) / 2) * dy
        let share = min(max(0.5 + steepness * along, 0), 1)
        for channel in 0..<channelCount {
          let i = channel * area + y * width + x
          let base = ends[0][channel] * (1 - share) + ends[1][channel] * share
          pixels[i] = Float(base + detail * (Double(pixels[i]) - means[channel]))
        }
      }
    }
    clip()
  }

  private static let softness = 0.4...1.8

  /// How far `soften` sees, in pixels.
  static let softReach = Int((3 * softness.upperBound).rounded(.up))

  /// The picture of a lens and a sensor whose pixels are finer than the lens: a Gaussian of σ 0.4...1.8
  /// pixels, uniform.
  mutating func soften(_ random: inout RandomSource) {
    self = softened(sigma: random.uniform(Self.softness))
  }

  /// Uniform in 0.5...1, or above the minimum where that is more.
  static func shrinkFactor(_ minimum: Double, _ random: inout RandomSource) -> Double {
    random.uniform(min(max(minimum, 0.5), 1)...1)
  }

  /// A smaller picture, by antialiased cubic interpolation.
  mutating func shrink(_ random: inout RandomSource) {
    let factor = Self.shrinkFactor(minimumScale, &random)
    func scaled(_ length: Int) -> Int { max(1, Int((factor * Double(length)).rounded())) }
    let old = frame
    self = resized(width: scaled(width), height: scaled(height))
    clip()
    if let old {
      let (left, top) = (Int(factor * Double(old.left)), Int(factor * Double(old.top)))
      frame = Degradation.Frame(
        width: max(scaled(old.width), left + width), height: max(scaled(old.height), top + height),
        left: left, top: top)
    }
  }
}
