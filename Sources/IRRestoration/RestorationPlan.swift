import IRCompiler

/// How a picture of one size will be restored.
public struct RestorationPlan: Sendable {
  public enum Seams: Hashable, Sendable {
    /// One piece.
    case none
    /// Tiles with the margin that the network looks over: the same pixels as in one piece.
    case exact(margin: Int)
    /// Tiles faded into each other; the reason why they are not exact.
    case blended(overlap: Int, reason: String)
  }

  /// The restoration of the whole picture, reduced, from which blended tiles take their low frequencies.
  public struct Anchor: Sendable {
    /// Sides of the picture for one of its reduction; 1 where the memory holds the whole.
    public var factor: Int
    /// Sides of the reduced picture, padded.
    public var height: Int
    public var width: Int
    package var program: Program
  }

  public var tiles: TileGrid
  public var seams: Seams
  /// Bytes of the largest program's arena and of its inputs and outputs.
  public var byteCount: Int
  /// Nil unless tiles are blended, and where no reduction of the picture is large enough to be judged.
  public var anchor: Anchor?
  /// The program for a tile.
  package var program: Program

  mutating func add(_ anchor: Anchor, resultByteCount: Int) {
    self.anchor = anchor
    byteCount = max(byteCount, Restorer.byteCount(of: anchor.program)) + resultByteCount
  }

  /// Values between the network's steps that are kept as float16.
  public var float16Count: Int { program.float16Values.count }

  /// Input pixels that the network computes, those in several tiles counted for each.
  public var pixelCount: Int {
    tiles.count * tiles.tileWidth * tiles.tileHeight + (anchor.map { $0.height * $0.width } ?? 0)
  }
}

extension RestorationPlan: CustomStringConvertible {
  public var description: String {
    let size = "\(tiles.tileWidth)×\(tiles.tileHeight)"
    let halves = float16Count == 0 ? "" : ", \(float16Count) pictures between steps as float16"
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
