import Foundation

extension Planes {
  /// x + σ/255 n, n normal per pixel and channel; truncated, trunc(clip(255 x + σ n, 0, 255)) / 255, which is
  /// on the mean half a step darker (the data sets of AirNet, PromptIR and SymUNet).
  mutating func addNoise(sigma: Double, isTruncated: Bool, _ random: inout RandomSource) {
    for i in pixels.indices {
      let noise = sigma * random.normal()
      if isTruncated {
        // The benchmarks' pictures are 8 bit before the noise.
        let value = (Double(pixels[i]) * 255).rounded() + noise
        pixels[i] = Float(min(max(value, 0), 255).rounded(.down) / 255)
      } else {
        pixels[i] += Float(noise / 255)
      }
    }
  }

  /// β (α x)^γ, α in 0.9...1, β in 0.5...1, γ in 1.5...5 (AGLLNet's synthesis), with the noise of a sensor
  /// that gets little light, σ 1...8 steps; clipped.
  mutating func dim(_ random: inout RandomSource) {
    let (alpha, beta) = (random.uniform(0.9...1), random.uniform(0.5...1))
    let (gamma, sigma) = (random.uniform(1.5...5), random.uniform(1...8))
    for i in pixels.indices {
      let dark = beta * pow(alpha * min(max(Double(pixels[i]), 0), 1), gamma)
      pixels[i] = Float(dark + sigma / 255 * random.normal())
    }
    clip()
  }
}
