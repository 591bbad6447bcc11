import IRDiffusion

/// Settings of a restoration.
package struct PipelineSettings: Hashable, Sendable {
  /// How the result gets the colours of the picture.
  package enum Colours: String, Sendable, CaseIterable { case none, adain, wavelet }

  package var composition: Composition
  package var method = SamplingMethod.ddim(eta: 0)
  package var stepCount = 50
  /// nil is the scheduler's own, or trailing below 20 steps: leading spacing begins far from noise then.
  package var spacing: TimestepSpacing?
  package var seed: UInt64 = 1
  package var colours = Colours.adain
  /// How much of the corrected colours is taken, 0 to 1.
  package var colourBlend = 1.0
  /// By how much the picture is enlarged before it is restored, 1 to 16.
  package var scale = 1
  /// The side of tiles in pixels, a multiple of 64; 0 is the whole picture; nil is whole up to
  /// `wholeSideLimit` where the memory allows, else tiles.
  package var tileSide: Int?
  /// Pixels that neighbouring tiles share at least; nil is a quarter of a tile.
  package var overlap: Int?

  /// Pictures of longer sides are cut into tiles where nothing else is asked for: the UNet has seen none as
  /// large.
  package static let wholeSideLimit = 768
  /// Sides of tiles are multiples of so many pixels.
  static let multiple = 64

  package init(_ composition: Composition) { self.composition = composition }

  func spacing(_ own: TimestepSpacing) -> TimestepSpacing { spacing ?? (stepCount < 20 ? .trailing : own) }

  func verify() throws(PipelineError) {
    guard (0...1).contains(colourBlend) else {
      throw .settings("colours are blended by \(colourBlend), must be 0 to 1")
    }
    guard (1...16).contains(scale) else { throw .settings("a scale of \(scale), must be 1 to 16") }
    if let tileSide {
      guard tileSide == 0 || (Self.multiple...65536).contains(tileSide), tileSide % Self.multiple == 0 else {
        throw .settings("tiles of \(tileSide) pixels, must be a multiple of \(Self.multiple), or 0")
      }
    }
    if let overlap {
      guard let tileSide, tileSide > 0 else { throw .settings("an overlap needs the side of tiles") }
      guard overlap >= 0, overlap <= tileSide / 2 else {
        throw .settings(
          "tiles of \(tileSide) pixels overlap by \(overlap), must be 0 to half of their side")
      }
    }
  }
}
