import IRImage

/// A change of a picture that makes it worse, or makes another scene of it: a pure function of the picture
/// and a seed. Parameters that are ranges are drawn from the seed, uniformly.
package struct Degradation: Hashable, Sendable {
  /// One step of a degradation.
  package enum Kind: Hashable, Sendable {
    case clean
    /// σ in 8-bit steps; truncated to 8 bits as the all-in-one benchmarks have it, or left as floating point.
    case noise(sigma: ClosedRange<Double>, isTruncated: Bool)
    /// A camera's noise at a sensitivity (ISO), drawn uniformly in its logarithm. A camera that reduces noise
    /// itself leaves less of it, and coarser.
    case camera(sensitivity: ClosedRange<Double>, reducesNoise: Bool)
    case rain
    /// The optical thickness β of the farthest point.
    case haze(thickness: ClosedRange<Double>)
    /// The length of a straight path in pixels; nil is straight ones and those of a shaking hand.
    case motionBlur(length: ClosedRange<Double>?)
    /// The radius of the disk in pixels.
    case defocus(radius: ClosedRange<Double>)
    case lowLight
    /// The quality of the compression, 1...100, with chroma halved or at full size.
    case jpeg(quality: ClosedRange<Double>, hasFullChroma: Bool)
    /// Down by the factor and up again.
    case sampling(factor: Int)
    /// Another exposure and contrast of the scene: the clean picture changes too.
    case tone
    /// A smooth gradient instead of the picture, like a wall or a sky: the clean picture changes too.
    case plain
    /// A softer picture, as sensors of many small pixels see it: the clean picture changes too.
    case soft
    /// A smaller picture by a factor of 0.5...1: the clean picture changes too.
    case shrink

    /// Whether the step makes another scene, of which the clean picture is a picture as well.
    var changesScene: Bool {
      switch self {
      case .tone, .plain, .soft, .shrink: true
      default: false
      }
    }
  }

  /// In the order in which they happen.
  package var kinds: [Kind]
  /// As it was written: names files and rows of tables.
  package var name: String

  /// How far a pixel of the result may depend on pixels around it: crops that are degraded are taken this
  /// much larger, so that they look as if the whole picture had been.
  package var reachInPixels: Int {
    kinds.reduce(0) { reach, kind in
      switch kind {
      case .motionBlur(let length): reach + Int(((length?.upperBound ?? 30) / 2).rounded(.up)) + 1
      case .defocus(let radius): reach + Int(radius.upperBound.rounded(.up)) + 1
      case .camera(_, let reducesNoise): reach + (reducesNoise ? 26 : 10)
      case .jpeg: reach + 8
      case .sampling(let factor): reach + 4 * factor
      case .soft: reach + Planes.softReach
      case .shrink: reach + 4
      default: reach
      }
    }
  }

  /// The seed for a picture of a test set: of the set's seed and the file's name without its extension, so
  /// that it does not depend on what other pictures there are.
  package static func seed(_ seed: UInt64, forFile stem: String) -> UInt64 {
    // FNV-1a.
    let hash = stem.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    var random = RandomSource(seed: seed, stream: hash)
    return random.next()
  }

  /// σ of 0...255 of the white noise that is all that the degradation does; nil where it does anything else
  /// beside making another scene.
  package func noiseLevel(seed: UInt64) -> Double? {
    let spoiling = kinds.indices.filter { !kinds[$0].changesScene && kinds[$0] != .clean }
    guard let index = spoiling.first else { return 0 }
    // Another scene made of a noisy picture has other noise.
    guard spoiling.count == 1, !kinds[index...].contains(where: \.changesScene),
      case .noise(let sigma, isTruncated: false) = kinds[index]
    else { return nil }
    var random = RandomSource(seed: seed, stream: UInt64(index))
    return random.uniform(sigma)
  }

  /// The place of a part in the picture that it was cut from, in pixels.
  package struct Frame: Hashable, Sendable {
    package var width: Int
    package var height: Int
    package var left: Int
    package var top: Int

    package init(width: Int, height: Int, left: Int, top: Int) {
      self.width = width
      self.height = height
      self.left = left
      self.top = top
    }
  }

  /// The picture, degraded: of the same size unless a step shrinks it, not clipped after floating-point
  /// noise.
  /// - Precondition: the frame holds the picture.
  package func applied(to image: Image, seed: UInt64, frame: Frame? = nil) -> Image {
    pair(of: image, seed: seed, frame: frame).degraded
  }

  /// The sides of the result for one of the picture's: 1 unless a step shrinks it, and then at least
  /// `minimumScale`.
  package func scale(seed: UInt64, minimumScale: Double = 0) -> Double {
    guard let index = kinds.firstIndex(of: .shrink) else { return 1 }
    var random = RandomSource(seed: seed, stream: UInt64(index))
    return Planes.shrinkFactor(minimumScale, &random)
  }

  /// The degraded picture, and the clean one that a restorer should make of it. They are of one size. The
  /// clean picture is `image` itself, but for the steps that make another scene (`tone`, `plain`, `soft`,
  /// `shrink`); of these `shrink` makes it no smaller than by `minimumScale`.
  ///
  /// Values of the picture are sRGB in 0...1. A part of a picture, with its `frame`, gets the haze that it
  /// would have as a part of the whole, whose depth reaches from near to far over all of it.
  /// - Precondition: the frame holds the picture.
  package func pair(
    of image: Image, seed: UInt64, frame: Frame? = nil, minimumScale: Double = 0
  ) -> (degraded: Image, clean: Image) {
    var degraded = Planes(image)
    degraded.minimumScale = minimumScale
    if let frame {
      precondition(
        frame.left >= 0 && frame.top >= 0 && frame.left + image.width <= frame.width
          && frame.top + image.height <= frame.height)
      degraded.frame = frame
    }
    // nil while the clean picture is the degraded one, then a copy of its own.
    var clean: Planes?
    for (index, kind) in kinds.enumerated() {
      let source = RandomSource(seed: seed, stream: UInt64(index))
      if !kind.changesScene, clean == nil { clean = degraded }
      if kind.changesScene, clean != nil {
        var random = source
        clean?.apply(kind, &random)
      }
      var random = source
      degraded.apply(kind, &random)
    }
    func finished(_ planes: Planes) -> Image {
      planes.width == image.width && planes.height == image.height
        ? image.replacing(pixels: planes.pixels, channelCount: image.channelCount)
        : Image(
          width: planes.width, height: planes.height, channelCount: image.channelCount, pixels: planes.pixels,
          sampleFormat: image.sampleFormat, metadata: image.metadata)
    }
    return (finished(degraded), finished(clean ?? degraded))
  }
}

/// The colour planes at work, `[C, H, W]`.
struct Planes {
  var width: Int
  var height: Int
  var channelCount: Int
  var pixels: [Float]
  /// The picture that they are a part of, if any.
  var frame: Degradation.Frame?
  /// The least factor that `shrink` takes.
  var minimumScale = 0.0

  init(_ image: Image) {
    (width, height, channelCount, pixels) = (image.width, image.height, image.channelCount, image.pixels)
  }

  init(width: Int, height: Int, channelCount: Int, pixels: [Float]) {
    self.width = width
    self.height = height
    self.channelCount = channelCount
    self.pixels = pixels
  }

  var area: Int { width * height }

  mutating func clip() {
    for i in pixels.indices { pixels[i] = min(max(pixels[i], 0), 1) }
  }

  mutating func apply(_ kind: Degradation.Kind, _ random: inout RandomSource) {
    switch kind {
    case .clean: break
    case .noise(let sigma, let isTruncated):
      addNoise(sigma: random.uniform(sigma), isTruncated: isTruncated, &random)
    case .camera(let sensitivity, let reducesNoise):
      addCameraNoise(sensitivity, reducesNoise: reducesNoise, &random)
    case .rain: addRain(&random)
    case .haze(let thickness): addHaze(thickness, &random)
    case .motionBlur(let length): blurByMotion(length, &random)
    case .defocus(let radius): blurByDefocus(radius, &random)
    case .lowLight: dim(&random)
    case .jpeg(let quality, let hasFullChroma):
      compress(quality: random.uniform(quality), hasFullChroma: hasFullChroma)
    case .sampling(let factor): resample(factor: factor)
    case .tone: changeTone(&random)
    case .plain: smoothOut(&random)
    case .soft: soften(&random)
    case .shrink: shrink(&random)
    }
  }
}
