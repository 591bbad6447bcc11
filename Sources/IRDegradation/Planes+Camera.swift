import Foundation

extension Planes {
  /// The variance of a sensor's noise: `shot` times the signal, and `read`, of signals in 0...1.
  struct SensorNoise {
    var shot: Double
    var read: Double
    /// The standard deviation of offsets that are common to a row.
    var row = 0.0

    /// Noise at a sensitivity (ISO). Shot noise is that of a sensor whose pixels hold 25,000 electrons at ISO
    /// 100; read noise follows it as Brooks et al. (2019) fitted it.
    init(sensitivity: Double, _ random: inout RandomSource) {
      shot = sensitivity * 4e-7
      read = exp(2.18 * log(shot) + 1.2 + 0.26 * random.normal())
      if random.uniform() < 0.1 { row = 0.3 * read.squareRoot() }
    }
  }

  /// A camera's noise: Poisson and read noise of the sensor (its Gaussian approximation), interpolated from
  /// the mosaic, and bent by gains, colour matrix, transfer function and tone curve as the picture is.
  /// Rounded to 8 bits.
  ///
  /// The interpolation is linear, so the noise alone goes through it: the picture keeps its detail, and is
  /// what a restorer should find. Most cameras smooth chroma, some smooth or sharpen luma; that too is done
  /// to the noise alone. How often and how far follows the residuals of real pairs (PolyU, the training
  /// cameras). Cameras that reduce noise do more of it: see `reduceNoise`.
  mutating func addCameraNoise(
    _ sensitivity: ClosedRange<Double>, reducesNoise: Bool, _ random: inout RandomSource
  ) {
    let logarithms = log(sensitivity.lowerBound)...log(sensitivity.upperBound)
    let noise = SensorNoise(sensitivity: exp(random.uniform(logarithms)), &random)
    clip()
    let isGrey = channelCount == 1
    let picture =
      isGrey
      ? Planes(width: width, height: height, channelCount: 3, pixels: pixels + pixels + pixels) : self
    let pipeline = CameraPipeline(&random)
    let (sensor, factors) = pipeline.sensorColours(picture)
    let phase = (x: random.index(below: 2), y: random.index(below: 2))
    let isCorrected = random.uniform() < 0.6
    let raw = Mosaic(sensor, phase: phase)
    var difference = raw
    for y in 0..<height {
      let offset = noise.row > 0 ? noise.row * random.normal() : 0
      for x in 0..<width {
        let signal = min(max(Double(raw.samples[y * width + x]), 0), 1)
        let deviation = (noise.shot * signal + noise.read).squareRoot()
        let noisy = min(max(signal + deviation * random.normal() + offset, 0), 1)
        difference.samples[y * width + x] = Float(noisy - signal)
      }
    }
    let spread = difference.interpolated(isCorrected ? .gradientCorrected : .bilinear)
    var noisy = sensor
    for i in noisy.pixels.indices { noisy.pixels[i] += spread.pixels[i] }
    var residual = pipeline.picture(noisy, factors: factors)
    for i in residual.pixels.indices { residual.pixels[i] -= picture.pixels[i] }
    if reducesNoise {
      residual.reduceNoise(&random)
    } else {
      if random.uniform() < 0.95 { residual.smoothChroma(sigma: random.uniform(1...2.2)) }
      switch random.uniform() {
      case ..<0.4: residual.smoothLuma(sigma: random.uniform(0.35...0.8))
      case ..<0.65: residual.sharpenLuma(sigma: 1, amount: random.uniform(0.2...0.8))
      default: break
      }
    }
    for i in 0..<area {
      for channel in 0..<channelCount {
        let added =
          isGrey
          ? Self.luma(residual.pixels[i], residual.pixels[area + i], residual.pixels[2 * area + i])
          : residual.pixels[channel * area + i]
        let value = min(max(pixels[channel * area + i] + added, 0), 1)
        pixels[channel * area + i] = (value * 255).rounded() / 255
      }
    }
  }

  /// BT.601.
  static func luma(_ red: Float, _ green: Float, _ blue: Float) -> Float {
    0.299 * red + 0.587 * green + 0.114 * blue
  }

  /// The luma plane, and the three channels less it.
  private func separated() -> (luma: Planes, differences: Planes) {
    var luma = Planes(width: width, height: height, channelCount: 1, pixels: Array(pixels[..<area]))
    var differences = self
    for i in 0..<area {
      luma.pixels[i] = Self.luma(pixels[i], pixels[area + i], pixels[2 * area + i])
      for channel in 0..<3 { differences.pixels[channel * area + i] -= luma.pixels[i] }
    }
    return (luma, differences)
  }

  /// Leaves of noise what a camera's own reduction at high sensitivities leaves: coarse blotches, most of all
  /// of colour, and soft grain of luma. Sigmas are those between which cameras lie; a Gaussian of σ leaves 1
  /// / (2 σ √π) of the deviation of white noise.
  /// - Precondition: three channels.
  private mutating func reduceNoise(_ random: inout RandomSource) {
    let (luma, differences) = separated()
    let (coarseSigma, fineSigma) = (random.uniform(1.8...5), random.uniform(0.7...1.7))
    let colours = differences.softened(sigma: coarseSigma)
    let (blotches, grain) = (luma.softened(sigma: coarseSigma), luma.softened(sigma: fineSigma))
    let gain = Float(random.uniform(0.04...0.16) * 2 * coarseSigma * Double.pi.squareRoot())
    let lumaGain = gain * Float(random.uniform(0...0.8))
    let (colourRest, grainRest) = (Float(random.uniform(0...0.1)), Float(random.uniform(0.05...0.5)))
    for i in pixels.indices {
      let k = i % area
      pixels[i] =
        grain.pixels[k] + grainRest * (luma.pixels[k] - grain.pixels[k]) + lumaGain * blotches.pixels[k]
        + gain * colours.pixels[i] + colourRest * (differences.pixels[i] - colours.pixels[i])
    }
  }

  /// The chroma made softer by a Gaussian, the luma kept.
  /// - Precondition: three channels.
  private mutating func smoothChroma(sigma: Double) {
    let (luma, differences) = separated()
    let soft = differences.softened(sigma: sigma)
    for i in pixels.indices { pixels[i] = luma.pixels[i % area] + soft.pixels[i] }
  }

  /// The luma made softer by a Gaussian, the chroma kept.
  /// - Precondition: three channels.
  private mutating func smoothLuma(sigma: Double) {
    let (luma, differences) = separated()
    let soft = luma.softened(sigma: sigma)
    for i in pixels.indices { pixels[i] = differences.pixels[i] + soft.pixels[i % area] }
  }

  /// The luma with `amount` of what a Gaussian takes away added once more.
  /// - Precondition: three channels.
  private mutating func sharpenLuma(sigma: Double, amount: Double) {
    let luma = separated().luma
    let soft = luma.softened(sigma: sigma)
    for i in pixels.indices { pixels[i] += Float(amount) * (luma.pixels[i % area] - soft.pixels[i % area]) }
  }
}
