import IRTensor

/// The restoration of a whole picture at reduced size, from which blended tiles take their low frequencies: a
/// tile that sees a part of the picture would judge its haze or its darkness by that part.
struct ShadeAnchor {
  /// Means of blocks with this many of the reduced picture's pixels a side follow the whole. Finer structure
  /// differs between a picture and its reduction: noise and texture are averaged away there.
  static let blockSide = 16
  /// Differences of up to a level of 255 from a reduced picture are left: a network's answers to a picture
  /// and to its reduction differ by as much where it does no harm.
  private static let tolerance: Float = 1 / 255
  /// Each turn of the correction leaves of a difference what a plane between blocks' means cannot follow.
  private static let turnCount = 2

  /// Sides of the picture for one of its reduction.
  let factor: Int
  private let height: Int
  private let width: Int
  private let channels: Int
  /// `[C, H, W]`, the model's result.
  private let pixels: [Float]

  /// Takes the model's result `[1, C, H, W]` float32 for the reduced picture, padded; `height` and `width`
  /// are its sides without padding.
  init(_ output: Tensor, factor: Int, height: Int, width: Int) {
    let cropped = output.cropped(height: height, width: width)
    self.factor = factor
    self.height = height
    self.width = width
    channels = cropped.shape[1]
    pixels = cropped.withElements(as: Float.self) { Array($0) }
  }

  /// The value, interpolated between pixels' centres; `row` and `column` count the large result's pixels.
  private func value(_ channel: Int, _ row: Int, _ column: Int) -> Float {
    if factor == 1 {
      return pixels[(channel * height + min(row, height - 1)) * width + min(column, width - 1)]
    }
    let (top, bottom, down) = Interpolation.taps(row, count: height, factor: factor)
    let (left, right, across) = Interpolation.taps(column, count: width, factor: factor)
    func line(_ row: Int) -> Float {
      let start = (channel * height + row) * width
      return pixels[start + left] * (1 - across) + pixels[start + right] * across
    }
    return line(top) * (1 - down) + line(bottom) * down
  }

  /// A tile's result `[1, C, H, W]` float32 with the anchor's low frequencies in place of its own; `top` and
  /// `left` are the place of its first pixel in the whole result.
  func corrected(_ tile: Tensor, top: Int, left: Int) -> Tensor {
    let (tileHeight, tileWidth) = (tile.shape[2], tile.shape[3])
    let side = Self.blockSide * factor
    let wanted = BlockMeans(side: side, channels: channels, height: tileHeight, width: tileWidth) {
      value($0, top + $1, left + $2)
    }
    let tolerance = factor == 1 ? 0 : Self.tolerance
    var result = tile.withElements(as: Float.self) { Array($0) }
    let rows = Interpolation.blockTaps(tileHeight, side: side)
    let columns = Interpolation.blockTaps(tileWidth, side: side)
    for _ in 0..<Self.turnCount {
      let found = BlockMeans(side: side, channels: channels, height: tileHeight, width: tileWidth) {
        result[($0 * tileHeight + $1) * tileWidth + $2]
      }
      let missing = zip(wanted.values, found.values).map { wanted, found in
        let difference = wanted - found
        return difference - min(max(difference, -tolerance), tolerance)
      }
      for channel in 0..<channels {
        let plane = channel * wanted.height * wanted.width
        for (row, (above, below, down)) in rows.enumerated() {
          let (upper, lower) = (plane + above * wanted.width, plane + below * wanted.width)
          let start = (channel * tileHeight + row) * tileWidth
          for (column, (before, after, across)) in columns.enumerated() {
            let first = missing[upper + before] * (1 - across) + missing[upper + after] * across
            let second = missing[lower + before] * (1 - across) + missing[lower + after] * across
            result[start + column] += first * (1 - down) + second * down
          }
        }
      }
    }
    return Tensor(result, shape: tile.shape)
  }
}

/// Linear interpolation between the centres of pieces.
enum Interpolation {
  typealias Taps = (first: Int, second: Int, weight: Float)

  /// The two of `count` pieces of `factor` positions that a position lies between, and the second one's
  /// weight. The outer pieces go on beyond their centres.
  static func taps(_ position: Int, count: Int, factor: Int) -> Taps {
    let place = (Float(position) + 0.5) / Float(factor) - 0.5
    let first = min(max(Int(place.rounded(.down)), 0), count - 1)
    return (first, min(first + 1, count - 1), min(max(place - Float(first), 0), 1))
  }

  /// For each position of `extent` the two blocks of `side` positions whose line goes through it, and the
  /// second one's weight, which is outside of 0...1 beyond the outer centres. The last block may be smaller.
  static func blockTaps(_ extent: Int, side: Int) -> [Taps] {
    let count = (extent + side - 1) / side
    func centre(_ block: Int) -> Float { Float(block * side + min((block + 1) * side, extent)) / 2 }
    return (0..<extent).map { position in
      let place = Float(position) + 0.5
      var first = min(position / side, max(count - 2, 0))
      if first > 0, place < centre(first) { first -= 1 }
      guard count > 1 else { return (0, 0, 0) }
      return (first, first + 1, (place - centre(first)) / (centre(first + 1) - centre(first)))
    }
  }
}
