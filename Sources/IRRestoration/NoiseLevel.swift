/// How strong a picture's noise was taken to be.
public struct NoiseLevel: Codable, Hashable, Sendable {
  /// σ on a scale of 0...255.
  public var level: Double
  /// Whether it was estimated from the picture, and not stated.
  public var estimated: Bool

  public init(level: Double, estimated: Bool) { (self.level, self.estimated) = (level, estimated) }
}

extension Restorer {
  /// The noise level that a restoration of this picture goes by; nil where the model takes none, and where
  /// it judges by itself since none is stated.
  public func noiseLevel(of image: Image) throws -> NoiseLevel? {
    guard takesNoiseLevel else { return nil }
    return try noiseLevel(of: prepared(image))
  }

  /// Whether the model takes a noise level. Where the settings state none, it is estimated, or the model
  /// judges by itself.
  public var takesNoiseLevel: Bool { model.noise != nil }

  func noiseLevel(of prepared: PreparedImage) -> NoiseLevel? {
    guard takesNoiseLevel else { return nil }
    if let level = settings.noiseLevel { return NoiseLevel(level: level, estimated: false) }
    if model.unstatedNoiseLevel != nil, (settings.noiseFactor ?? 1) == 1 { return nil }
    // Of colour through a model of one channel, each source is a channel.
    let squares = prepared.sources.map { source in
      let level = NoiseEstimate.level(
        of: source.samples, channelCount: channelCount, width: source.width, height: source.height)
      return level * level
    }
    let level = (squares.reduce(0, +) / Double(max(squares.count, 1))).squareRoot()
    return NoiseLevel(
      level: min((settings.noiseFactor ?? 1) * level, RestorationSettings.largestNoiseLevel), estimated: true)
  }

  /// The number that the network takes for the noise level of a picture that is shrunk by `reduction`.
  func noiseValue(reduction: Int) -> Double {
    model.noiseValue(noiseLevel.map { $0.level / Double(reduction) } ?? model.unstatedNoiseLevel ?? 0)
  }

  /// Restores an image as one of this noise level, σ of 0...255, where the model takes one.
  /// - Throws: as `restore`.
  package func restore(_ image: Image, noiseLevel: Double) throws -> Image {
    let kept = settings
    defer { settings = kept }
    if takesNoiseLevel { settings.noiseLevel = noiseLevel }
    return try restore(image)
  }
}
