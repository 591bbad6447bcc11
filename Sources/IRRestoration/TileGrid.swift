/// Tiles of one size that cover a picture: a core each, which they tile without gaps, and a margin around it
/// where the picture has one.
public struct TileGrid: Hashable, Sendable {
  public struct Tile: Hashable, Sendable {
    /// The pixels that are read.
    public var rows: Range<Int>
    public var columns: Range<Int>
    /// The pixels that are kept.
    public var coreRows: Range<Int>
    public var coreColumns: Range<Int>
  }

  public let height: Int
  public let width: Int
  public let tileHeight: Int
  public let tileWidth: Int
  private let rows: [(tile: Range<Int>, core: Range<Int>)]
  private let columns: [(tile: Range<Int>, core: Range<Int>)]

  /// One tile: the whole.
  init(height: Int, width: Int) {
    self.init(height: height, width: width, tileHeight: height, tileWidth: width, margin: 0, alignment: 1)
  }

  /// - Precondition: a tile's side and the picture's differ by a multiple of `alignment`, and a tile is
  ///   larger than its margins by more than that.
  init(height: Int, width: Int, tileHeight: Int, tileWidth: Int, margin: Int, alignment: Int) {
    self.height = height
    self.width = width
    self.tileHeight = min(tileHeight, height)
    self.tileWidth = min(tileWidth, width)
    rows = Self.pieces(of: height, size: min(tileHeight, height), margin: margin, alignment: alignment)
    columns = Self.pieces(of: width, size: min(tileWidth, width), margin: margin, alignment: alignment)
  }

  public var count: Int { rows.count * columns.count }

  /// The tiles, row by row.
  public var tiles: [Tile] {
    rows.flatMap { row in
      columns.map { column in
        Tile(rows: row.tile, columns: column.tile, coreRows: row.core, coreColumns: column.core)
      }
    }
  }

  public static func == (a: Self, b: Self) -> Bool {
    (a.height, a.width, a.tileHeight, a.tileWidth, a.tiles) == (
      b.height, b.width, b.tileHeight, b.tileWidth, b.tiles
    )
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(tiles) }

  private static func pieces(
    of extent: Int, size: Int, margin: Int, alignment: Int
  ) -> [(tile: Range<Int>, core: Range<Int>)] {
    var result: [(tile: Range<Int>, core: Range<Int>)] = []
    var covered = 0
    while covered < extent {
      // The last tile ends with the picture and keeps its size; the others leave their margins unkept.
      let start = min(max(0, (covered - margin) / alignment * alignment), extent - size)
      let end = start + size
      let core = covered..<(end == extent ? extent : end - margin)
      result.append((start..<end, core))
      covered = core.upperBound
    }
    return result
  }
}
