import IRTensor

/// Sums tiles weighted by a ramp over what neighbours share, so that one fades into the next.
struct BlendedTiles {
  private let grid: TileGrid
  private let channels: Int
  private let scale: Int
  private let overlap: Int
  private var sums: [Float]
  private var weights: [Float]

  init(_ grid: TileGrid, channels: Int, scale: Int, overlap: Int) {
    self.grid = grid
    self.channels = channels
    self.scale = scale
    self.overlap = overlap
    let count = grid.height * grid.width * scale * scale
    sums = [Float](repeating: 0, count: channels * count)
    weights = [Float](repeating: 0, count: count)
  }

  /// 1 in a tile's middle, falling towards its sides but for those of the picture; never 0.
  private func ramp(_ tile: Range<Int>, _ extent: Int) -> [Float] {
    let length = Float(max(1, overlap * scale))
    return (0..<(tile.count * scale)).map { index in
      let before = tile.lowerBound == 0 ? length : Float(index) + 0.5
      let after = tile.upperBound == extent ? length : Float(tile.count * scale - index) - 0.5
      return min(1, min(before, after) / length)
    }
  }

  mutating func add(_ output: Tensor, at tile: TileGrid.Tile) {
    let (down, across) = (ramp(tile.rows, grid.height), ramp(tile.columns, grid.width))
    let (top, left, width) = (
      scale * tile.rows.lowerBound, scale * tile.columns.lowerBound, scale * grid.width
    )
    let count = weights.count
    output.withElements(as: Float.self) { source in
      sums.withUnsafeMutableBufferPointer { sums in
        weights.withUnsafeMutableBufferPointer { weights in
          for row in down.indices {
            for column in across.indices {
              let weight = down[row] * across[column]
              let place = (top + row) * width + left + column
              weights[place] += weight
              for plane in 0..<channels {
                sums[plane * count + place] +=
                  weight * source[(plane * down.count + row) * across.count + column]
              }
            }
          }
        }
      }
    }
  }

  /// The weighted means, cropped to the picture: `[C, H, W]`.
  func pixels(height: Int, width: Int) -> [Float] {
    let (count, rowLength) = (weights.count, scale * grid.width)
    var result: [Float] = []
    result.reserveCapacity(channels * height * width)
    for plane in 0..<channels {
      for row in 0..<height {
        for column in 0..<width {
          let place = row * rowLength + column
          result.append(sums[plane * count + place] / weights[place])
        }
      }
    }
    return result
  }
}
