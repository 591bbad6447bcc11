/// A container's statement of colours without an ICC profile.
package struct ColourStatement: Hashable, Sendable {
  /// Code points of ITU-T H.273: PNG's cICP, and nclx of HEIF.
  package struct CodePoints: Hashable, Sendable {
    package var primaries: Int
    package var transfer: Int
    package var matrix: Int
    package var isFullRange: Bool

    package init(primaries: Int, transfer: Int, matrix: Int, isFullRange: Bool) {
      (self.primaries, self.transfer, self.matrix, self.isFullRange) = (
        primaries, transfer, matrix, isFullRange
      )
    }

    /// Nothing stated, or sRGB, which pictures are without a statement.
    package var isDefault: Bool { [1, 2].contains(primaries) && [1, 2, 6, 13].contains(transfer) }
  }

  /// White, red, green, blue, x and y of each, in 1/100,000.
  package struct Chromaticities: Hashable, Sendable {
    package var values: [Int]

    package init(values: [Int]) { self.values = values }

    package static let srgb = Chromaticities(values: [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000])
  }

  package init() {}

  package var codePoints: CodePoints?
  /// PNG's gAMA: 100,000 / the exponent by which stored values become light.
  package var gamma: Int?
  package var chromaticities: Chromaticities?
  /// PNG's sRGB: 0 perceptual, 1 relative, 2 saturation, 3 absolute.
  package var renderingIntent: Int?
  /// PNG's chunks of light levels and of the display that a picture was made on, by type.
  package var lightLevels: [String: [UInt8]] = [:]

  package static let lightLevelChunks: Set<String> = ["cLLI", "cLLi", "mDCV", "mDCv"]

  /// The names of the statements that differ from sRGB.
  package var statements: Set<String> {
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
