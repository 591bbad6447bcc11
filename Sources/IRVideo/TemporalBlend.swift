import IRPicture

/// Blends each restored frame with the result before it where that explains the frame as well as its own
/// restoration does: where nothing moves. Noise that the model takes for detail differs from frame to frame,
/// and flickers less.
package struct TemporalBlend {
  /// The share of the result before where nothing moves.
  private static let share: Float = 0.8
  /// The mean squares of what the result before leaves of a frame over those of what its restoration leaves:
  /// up to the first the share is whole, from the second on it is none. Noise alone gives about the first.
  private static let ratios: (whole: Float, none: Float) = (1.5, 3)
  /// Remainders are smoothed over this before they are squared: noise becomes less, edges that moved stay.
  private static let smoothing = 1
  /// Squares are averaged over this.
  private static let window = 4
  /// Remainders below a hundredth of a level of 255 count as this.
  private static let least: Float = 1e-11

  private var last: Image?

  package init() {}

  /// Bytes of its planes for each pixel of a frame.
  package static let byteCountOfPixel = 48

  /// The restoration of a frame, blended with the results so far.
  package mutating func blended(_ restored: Image, of frame: Image) -> Image {
    func isAlike(_ other: Image) -> Bool {
      (other.width, other.height, other.channelCount)
        == (restored.width, restored.height, restored.channelCount)
    }
    guard let last, isAlike(last), isAlike(frame) else {
      last = restored
      return restored
    }
    let before = remainder(frame, last)
    let own = remainder(frame, restored)
    let count = restored.width * restored.height
    var pixels = restored.pixels
    for index in 0..<count {
      let ratio = before[index] / (own[index] + Self.least)
      let share =
        Self.share * min(1, max(0, (Self.ratios.none - ratio) / (Self.ratios.none - Self.ratios.whole)))
      guard share > 0 else { continue }
      for place in stride(from: index, to: pixels.count, by: count) {
        pixels[place] += share * (last.pixels[place] - pixels[place])
      }
    }
    var result = restored
    result.pixels = pixels
    self.last = result
    return result
  }

  /// Mean squares around each pixel of what a result leaves of a frame.
  private func remainder(_ frame: Image, _ result: Image) -> [Float] {
    let (width, height) = (frame.width, frame.height)
    let count = width * height
    var squares = [Float](repeating: 0, count: count)
    for channel in 0..<frame.channelCount {
      let start = channel * count
      let difference = [Float](unsafeUninitializedCapacity: count) { target, initialized in
        for index in 0..<count { target[index] = frame.pixels[start + index] - result.pixels[start + index] }
        initialized = count
      }
      let smooth = Self.means(difference, width: width, height: height, radius: Self.smoothing)
      for index in 0..<count { squares[index] += smooth[index] * smooth[index] }
    }
    return Self.means(squares, width: width, height: height, radius: Self.window)
  }

  /// Means over squares of `2 · radius + 1` pixels a side; the last pixels are repeated beyond the edges.
  static func means(_ plane: [Float], width: Int, height: Int, radius: Int) -> [Float] {
    let scale = 1 / Float((2 * radius + 1) * (2 * radius + 1))
    var rows = plane
    var result = plane
    var sums = [Float](repeating: 0, count: width)
    plane.withUnsafeBufferPointer { source in
      rows.withUnsafeMutableBufferPointer { rows in
        for start in stride(from: 0, to: width * height, by: width) {
          var sum: Float = 0
          for place in -radius...radius { sum += source[start + min(width - 1, max(0, place))] }
          for column in 0..<width {
            rows[start + column] = sum
            sum +=
              source[start + min(width - 1, column + radius + 1)] - source[start + max(0, column - radius)]
          }
        }
        result.withUnsafeMutableBufferPointer { target in
          for place in -radius...radius {
            let start = min(height - 1, max(0, place)) * width
            for column in 0..<width { sums[column] += rows[start + column] }
          }
          for row in 0..<height {
            let below = min(height - 1, row + radius + 1) * width
            let above = max(0, row - radius) * width
            for column in 0..<width {
              // Differences of sums may fall below nothing by their rounding.
              target[row * width + column] = sums[column] * scale
              sums[column] += rows[below + column] - rows[above + column]
            }
          }
        }
      }
    }
    return result
  }
}
