import IRTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Windows of equal extent over one axis, the first at its start and the last at its end, with weights that
/// add up to 1 at every place.
struct AxisTiles: Hashable, Sendable {
  let extent: Int
  let window: Int
  let starts: [Int]
  /// For each window, a weight for each of its places.
  let weights: [[Float]]

  /// Windows that share at least `overlap` places with their neighbours.
  /// - Precondition: 0 <= overlap < window.
  init(extent: Int, window: Int, overlap: Int) {
    let window = min(window, extent)
    var starts = [0]
    while let last = starts.last, last + window < extent {
      starts.append(min(last + window - overlap, extent - window))
    }
    self.init(extent: extent, window: window, starts: starts)
  }

  private init(extent: Int, window: Int, starts: [Int]) {
    self.extent = extent
    self.window = window
    self.starts = starts
    // A Gaussian whose deviation is a tenth of the window, as StableSR has it.
    let deviation = Double(window) / 10
    let bell = (0..<window).map { place -> Double in
      let distance = (Double(place) - Double(window - 1) / 2) / deviation
      return exp(-distance * distance / 2)
    }
    var sums = [Double](repeating: 0, count: extent)
    for start in starts { for place in 0..<window { sums[start + place] += bell[place] } }
    weights = starts.map { start in (0..<window).map { Float(bell[$0] / sums[start + $0]) } }
  }

  /// The same windows in units that are finer by a factor.
  func scaled(by factor: Int) -> AxisTiles {
    AxisTiles(extent: factor * extent, window: factor * window, starts: starts.map { factor * $0 })
  }
}

/// Windows over a picture or its latents, whose results are added up with weights.
struct TileBlend: Hashable, Sendable {
  let rows: AxisTiles
  let columns: AxisTiles

  var count: Int { rows.starts.count * columns.starts.count }

  func scaled(by factor: Int) -> TileBlend {
    TileBlend(rows: rows.scaled(by: factor), columns: columns.scaled(by: factor))
  }

  /// The blend `[1, C, H, W]` of tiles `[1, C, h, w]`, each computed at its row and column; one tile is the
  /// result as it is.
  /// - Precondition: `body` returns float32 of that shape.
  func blended(
    channels: Int, _ body: (_ row: Int, _ column: Int) throws -> Tensor
  ) throws -> Tensor {
    if count == 1 { return try body(0, 0) }
    let (height, width) = (rows.extent, columns.extent)
    var sums = [Float](repeating: 0, count: channels * height * width)
    for (row, rowWeights) in zip(rows.starts, rows.weights) {
      for (column, columnWeights) in zip(columns.starts, columns.weights) {
        let tile = try body(row, column)
        precondition(tile.shape == [1, channels, rows.window, columns.window])
        tile.withElements(as: Float.self) { values in
          sums.withUnsafeMutableBufferPointer { sums in
            for channel in 0..<channels {
              for y in 0..<rows.window {
                let source = (channel * rows.window + y) * columns.window
                let target = (channel * height + row + y) * width + column
                for x in 0..<columns.window {
                  sums[target + x] += rowWeights[y] * columnWeights[x] * values[source + x]
                }
              }
            }
          }
        }
      }
    }
    return Tensor(sums, shape: [1, channels, height, width])
  }

  /// The part of a picture `[1, C, H, W]` float32 that the window at this place sees.
  func window(of picture: Tensor, row: Int, column: Int) -> Tensor {
    picture.window(row: row, column: column, height: rows.window, width: columns.window)
  }
}
