import IRTensor

/// Means of square blocks of a picture's planes.
package struct BlockMeans {
  package let side: Int
  package let height: Int
  package let width: Int
  /// `[C, height, width]`; blocks at the right and at the bottom may be smaller.
  package var values: [Float]

  /// Asks `sample` for the value of each channel, row and column.
  package init(
    side: Int, channels: Int, height: Int, width: Int,
    _ sample: (_ channel: Int, _ row: Int, _ column: Int) -> Float
  ) {
    self.side = side
    self.height = (height + side - 1) / side
    self.width = (width + side - 1) / side
    values = []
    values.reserveCapacity(channels * self.height * self.width)
    for channel in 0..<channels {
      for top in stride(from: 0, to: height, by: side) {
        for left in stride(from: 0, to: width, by: side) {
          let (rows, columns) = (top..<min(top + side, height), left..<min(left + side, width))
          var sum = 0.0
          for row in rows { for column in columns { sum += Double(sample(channel, row, column)) } }
          values.append(Float(sum / Double(rows.count * columns.count)))
        }
      }
    }
  }

  /// The largest distance between the means of two pictures of one size.
  package static func largestDifference(_ a: Image, _ b: Image, side: Int) -> Float {
    func means(_ image: Image) -> BlockMeans {
      BlockMeans(side: side, channels: image.channelCount, height: image.height, width: image.width) {
        image.pixels[($0 * image.height + $1) * image.width + $2]
      }
    }
    return zip(means(a).values, means(b).values).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}
