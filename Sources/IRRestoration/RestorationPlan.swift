import IRCompiler

/// A plan for the restoration of images of one size.
public struct RestorationPlan: Sendable {
  public enum Seams: Hashable, Sendable {
    /// One piece.
    case none
    /// Tiles with a margin as wide as the network's receptive field: the same pixels as in one piece.
    case exact(margin: Int)
    /// Tiles that are blended where they overlap, and the reason why they are not exact.
    case blended(overlap: Int, reason: String)
  }

  /// The restoration of the whole picture, reduced, from which blended tiles take their low frequencies.
  public struct Anchor: Sendable {
    /// The factor by which the sides are reduced; 1: the memory suffices for the whole picture.
    public var factor: Int
    /// The sides of the reduced picture, padded.
    public var height: Int
    public var width: Int
    package var program: Program
  }

  /// The tiles; one for a restoration in one piece.
  public var tiles: TileGrid
  public var seams: Seams
  /// Bytes of the largest program with its inputs and outputs.
  public var byteCount: Int
  /// Nil unless tiles are blended, and if the picture is too small to be reduced.
  public var anchor: Anchor?
  /// The program for a tile.
  package var program: Program

  mutating func add(_ anchor: Anchor, resultByteCount: Int) {
    self.anchor = anchor
    byteCount = max(byteCount, Restorer.byteCount(of: anchor.program)) + resultByteCount
  }

  /// The number of feature maps that are stored as float16.
  public var float16Count: Int { program.float16Values.count }

  /// Input pixels that the network processes; a pixel in several tiles counts several times.
  public var pixelCount: Int {
    tiles.count * tiles.tileWidth * tiles.tileHeight + (anchor.map { $0.height * $0.width } ?? 0)
  }
}

extension RestorationPlan: CustomStringConvertible {
  public var description: String {
    let size = "\(tiles.tileWidth)×\(tiles.tileHeight)"
    let halves = float16Count == 0 ? "" : ", \(float16Count) feature maps as float16"
    let memory = "\((byteCount + (1 << 20) - 1) >> 20) MiB" + halves
    return switch seams {
    case .none: "whole (\(size)), \(memory)"
    case .exact(let margin): "\(tiles.count) exact tiles of \(size), margin \(margin), \(memory)"
    case .blended(let overlap, let reason):
      "\(tiles.count) tiles of \(size) blended over \(overlap), since \(reason)"
        + "\(anchor.map { ", \($0)" } ?? ""), \(memory)"
    }
  }
}

extension RestorationPlan.Anchor: CustomStringConvertible {
  public var description: String {
    let picture = factor == 1 ? "the whole picture" : "the whole picture at 1/\(factor) of its sides"
    return "low frequencies from \(picture) (\(width)×\(height))"
  }
}
