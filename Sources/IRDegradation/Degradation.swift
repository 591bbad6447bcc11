import IRImage

/// What spoils a picture: a pure function of the picture and a seed. Parameters that are ranges are drawn from
/// the seed, uniformly.
public struct Degradation: Hashable, Sendable {
  /// One kind of damage.
  public enum Kind: Hashable, Sendable {
    case clean
    /// σ in 8-bit steps; truncated to 8 bits as the all-in-one benchmarks have it, or left as floating point.
    case noise(sigma: ClosedRange<Double>, isTruncated: Bool)
    case rain
    case haze
    case motionBlur
    case defocus
    case lowLight
    /// The quality of the compression, 1...100.
    case jpeg(quality: ClosedRange<Double>)
    /// Down by the factor and up again.
    case sampling(factor: Int)
  }

  /// In the order in which they happen.
  public var kinds: [Kind]
  /// As it was written: names files and rows of tables.
  public var name: String

  static let grammar = """
    they are clean, noise<σ> (noise25, noise0-55; floating point), noise<σ>q (clipped and truncated to 8 bits), \
    rain, haze, motion, defocus, lowlight, jpeg<quality> (jpeg10, jpeg10-40), down<factor> (down4), and \
    compositions of these in order (lowlight+noise5-15)
    """

  /// Reads `noise25`, `noise0-55`, `noise25q`, `rain`, `haze`, `motion`, `defocus`, `lowlight`, `jpeg10`, `down4`,
  /// `clean`, and compositions with `+`.
  /// - Throws: `DegradationError`.
  public init(_ text: String) throws(DegradationError) {
    name = text
    kinds = []
    for part in text.split(separator: "+", omittingEmptySubsequences: false) {
      kinds.append(try Self.kind(String(part)))
    }
  }

  private static func kind(_ text: String) throws(DegradationError) -> Kind {
    switch text {
    case "clean": return .clean
    case "rain": return .rain
    case "haze": return .haze
    case "motion": return .motionBlur
    case "defocus": return .defocus
    case "lowlight": return .lowLight
    default: break
    }
    func numbers(_ rest: Substring, _ limits: ClosedRange<Double>) throws(DegradationError)
      -> ClosedRange<Double>
    {
      let ends = rest.split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2 else {
        throw .unknown(text: text)
      }
      guard first <= last, limits.contains(first), limits.contains(last) else {
        throw .range(
          text: text, detail: "the numbers must lie in \(limits.lowerBound)...\(limits.upperBound), in order")
      }
      return first...last
    }
    if text.hasPrefix("noise") {
      let isTruncated = text.hasSuffix("q")
      let rest = text.dropFirst(5).dropLast(isTruncated ? 1 : 0)
      return .noise(sigma: try numbers(rest, 0...255), isTruncated: isTruncated)
    }
    if text.hasPrefix("jpeg") { return .jpeg(quality: try numbers(text.dropFirst(4), 1...100)) }
    if text.hasPrefix("down"), let factor = Int(text.dropFirst(4)) {
      guard (2...16).contains(factor) else {
        throw .range(text: text, detail: "the factor must lie in 2...16")
      }
      return .sampling(factor: factor)
    }
    throw .unknown(text: text)
  }

  /// How far a pixel of the result may depend on pixels around it: crops that are degraded are taken this much
  /// larger, so that they look as if the whole picture had been.
  public var reachInPixels: Int {
    kinds.reduce(0) { reach, kind in
      switch kind {
      case .motionBlur: reach + 16
      case .defocus: reach + 9
      case .jpeg: reach + 8
      case .sampling(let factor): reach + 4 * factor
      default: reach
      }
    }
  }

  /// The seed for a picture of a test set: of the set's seed and the file's name without its extension, so that it
  /// does not depend on what other pictures there are.
  public static func seed(_ seed: UInt64, forFile stem: String) -> UInt64 {
    // FNV-1a.
    let hash = stem.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    var random = RandomSource(seed: seed, stream: hash)
    return random.next()
  }

  /// Where a part lies in the picture that it was cut from, in pixels.
  public struct Frame: Hashable, Sendable {
    public var width: Int
    public var height: Int
    public var left: Int
    public var top: Int

    public init(width: Int, height: Int, left: Int, top: Int) {
      (self.width, self.height, self.left, self.top) = (width, height, left, top)
    }
  }

  /// The picture, spoiled: of the same size, not clipped after floating-point noise.
  /// Values of the picture are sRGB in 0...1. A part of a picture, with its `frame`, gets the haze that it would have
  /// as a part of the whole, whose depth reaches from near to far over all of it.
  /// - Precondition: the frame holds the picture.
  public func applied(to image: Image, seed: UInt64, frame: Frame? = nil) -> Image {
    var planes = Planes(image)
    if let frame {
      precondition(
        frame.left >= 0 && frame.top >= 0 && frame.left + image.width <= frame.width
          && frame.top + image.height <= frame.height)
      planes.frame = frame
    }
    for (index, kind) in kinds.enumerated() {
      var random = RandomSource(seed: seed, stream: UInt64(index))
      planes.apply(kind, &random)
    }
    return image.replacing(pixels: planes.pixels, channelCount: image.channelCount)
  }
}

/// The colour planes at work, `[C, H, W]`.
struct Planes {
  var width: Int
  var height: Int
  var channelCount: Int
  var pixels: [Float]
  /// What picture they are a part of, where they are one.
  var frame: Degradation.Frame?

  init(_ image: Image) {
    (width, height, channelCount, pixels) = (image.width, image.height, image.channelCount, image.pixels)
  }

  init(width: Int, height: Int, channelCount: Int, pixels: [Float]) {
    (self.width, self.height, self.channelCount, self.pixels) = (width, height, channelCount, pixels)
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
    case .rain: addRain(&random)
    case .haze: addHaze(&random)
    case .motionBlur: blurByMotion(&random)
    case .defocus: blurByDefocus(&random)
    case .lowLight: dim(&random)
    case .jpeg(let quality): compress(quality: random.uniform(quality))
    case .sampling(let factor): resample(factor: factor)
    }
  }
}
