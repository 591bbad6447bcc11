/// Blocks of 8×8 pixels, of which the smoothest show the noise.
enum SmoothBlocks {
  private static let side = 8
  private static let blockLimit = 12_000
  /// The share of the blocks that are taken for smooth.
  private static let share = 0.05
  /// The first cosines of the block's transform, of lengths 1.
  private static let cosines: [[Float]] = [
    [Float](repeating: 0.353_553_39, count: 8),
    [
      0.490_392_64, 0.415_734_81, 0.277_785_12, 0.097_545_16, -0.097_545_16, -0.277_785_12, -0.415_734_81,
      -0.490_392_64,
    ],
    [
      0.461_939_77, 0.191_341_72, -0.191_341_72, -0.461_939_77, -0.461_939_77, -0.191_341_72, 0.191_341_72,
      0.461_939_77,
    ],
  ]

  private struct Block {
    /// The sum of the squares of the slowest waves, and the mean square of all others: means over the planes.
    var slow: Float
    var fine: Float
    /// Whether it holds samples of black or white, or next to nothing but black: noise is clipped there.
    var isClipped: Bool
  }

  /// The median of the mean squares of the fine part, over the blocks that have the least of slow waves. They
  /// are chosen by one part and measured by another, so that the choice does not favour weak noise.
  static func fineVariance(_ planes: NoiseEstimate.Planes) -> Double {
    let (width, height) = (planes.width, planes.height)
    // A step above 4 is odd: it meets all places of JPEG's own blocks.
    var step = 4
    while (width / step + 1) * (height / step + 1) > blockLimit { step += step == 4 ? 1 : 2 }
    var blocks: [Block] = []
    for top in stride(from: 1, through: height - side, by: step) {
      for left in stride(from: 1, through: width - side, by: step) {
        blocks.append(block(planes, top: top, left: left))
      }
    }
    let whole = blocks.filter { !$0.isClipped }
    if whole.count > 200 { blocks = whole }
    let count = max(8, Int(share * Double(blocks.count)))
    let fine = blocks.sorted { $0.slow < $1.slow }.prefix(count).map(\.fine).sorted()
    return fine.isEmpty ? 0 : Double(fine[fine.count / 2])
  }

  private static func block(_ planes: NoiseEstimate.Planes, top: Int, left: Int) -> Block {
    var (slow, fine, least, most, sum) = (Float(0), Float(0), Float.infinity, -Float.infinity, Float(0))
    for plane in 0..<planes.count {
      // By row: sums with each of the cosines.
      var columns = [Float](repeating: 0, count: 3 * side)
      var square: Float = 0
      // Differences from a sample are small where it matters, and nothing is rounded away.
      let base = planes.samples[plane * planes.area + top * planes.width + left]
      for y in 0..<side {
        for x in 0..<side {
          let value = planes.samples[plane * planes.area + (top + y) * planes.width + left + x]
          sum += value
          (least, most) = (min(least, value), max(most, value))
          let difference = value - base
          square += difference * difference
          for wave in 0..<3 { columns[wave * side + y] += cosines[wave][x] * difference }
        }
      }
      var (constant, waves) = (Float(0), Float(0))
      for (across, down) in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2)] {
        var coefficient: Float = 0
        for y in 0..<side { coefficient += cosines[down][y] * columns[across * side + y] }
        if across + down == 0 {
          constant = coefficient * coefficient
        } else {
          waves += coefficient * coefficient
        }
      }
      slow += waves
      fine += max(0, square - constant - waves) / Float(side * side - 6)
    }
    let count = Float(planes.count)
    let isClipped = least <= 0 || most >= 1 || sum / (count * Float(side * side)) < 8 / 255
    return Block(slow: slow / count, fine: fine / count, isClipped: isClipped)
  }
}
