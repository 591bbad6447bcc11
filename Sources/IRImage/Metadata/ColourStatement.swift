/// A container's statement of colours without an ICC profile.
struct ColourStatement: Hashable {
  /// Code points of ITU-T H.273: PNG's cICP, and nclx of HEIF.
  struct CodePoints: Hashable {
    var primaries: Int
    var transfer: Int
    var matrix: Int
    var isFullRange: Bool

    /// Nothing stated, or sRGB, which pictures are without a statement.
    var isDefault: Bool { [1, 2].contains(primaries) && [1, 2, 6, 13].contains(transfer) }
  }

  /// White, red, green, blue, x and y of each, in 1/100,000.
  struct Chromaticities: Hashable {
    var values: [Int]

    static let srgb = Chromaticities(values: [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000])
  }

  var codePoints: CodePoints?
  /// PNG's gAMA: 100,000 / the exponent by which stored values become light.
  var gamma: Int?
  var chromaticities: Chromaticities?
  /// PNG's sRGB: 0 perceptual, 1 relative, 2 saturation, 3 absolute.
  var renderingIntent: Int?
  /// PNG's chunks of light levels and of the display that a picture was made on, by type.
  var lightLevels: [String: [UInt8]] = [:]

  static let lightLevelChunks: Set<String> = ["cLLI", "cLLi", "mDCV", "mDCv"]

  /// The names of what is stated and differs from sRGB.
  var statements: Set<String> {
    var result: Set<String> = []
    if let codePoints, !codePoints.isDefault {
      result.insert("colour code points \(codePoints.primaries)/\(codePoints.transfer)")
    }
    if !lightLevels.isEmpty { result.insert("light levels") }
    guard renderingIntent == nil else { return result }
    if let gamma, abs(gamma - 45455) > 500 { result.insert("gamma") }
    if let chromaticities,
      zip(chromaticities.values, Chromaticities.srgb.values).contains(where: { abs($0 - $1) > 200 })
    {
      result.insert("chromaticities")
    }
    return result
  }
}
