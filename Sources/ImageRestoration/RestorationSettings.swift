/// What a caller may ask of a restoration beside the model.
public struct RestorationSettings: Sendable {
  /// The side of square tiles in input pixels; nil restores the picture whole where that fits the memory.
  public var tileSize: Int?
  /// Input pixels that neighbouring tiles share where they are blended, for models by which every pixel
  /// depends on the whole picture. Exact tiles know their own margin.
  public var overlap = 64
  /// The mean over the eight turns and mirrorings of the picture.
  public var isAugmented = false
  /// σ of the noise on a scale of 0...255, for models that take it.
  public var noiseLevel: Double?

  public init(tileSize: Int? = nil, overlap: Int = 64, isAugmented: Bool = false, noiseLevel: Double? = nil) {
    self.tileSize = tileSize
    self.overlap = overlap
    self.isAugmented = isAugmented
    self.noiseLevel = noiseLevel
  }
}

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

  public var tiles: TileGrid
  public var seams: Seams
  /// Bytes of the program's arena and of its inputs and outputs.
  public var byteCount: Int
  /// Pictures between the network's steps that are kept as float16.
  public var float16Count = 0
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
      "\(tiles.count) tiles of \(size) blended over \(overlap), since \(reason), \(memory)"
    }
  }
}
