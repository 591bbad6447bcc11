import Foundation

extension Planes {
  /// Down by the factor with antialiasing and up again, both bicubic (Keys, a = -0.5).
  mutating func resample(factor: Int) {
    let small = (
      width: max(1, (width + factor - 1) / factor), height: max(1, (height + factor - 1) / factor)
    )
    let down = resized(width: small.width, height: small.height)
    self = down.resized(width: width, height: height)
    clip()
  }

  func resized(width newWidth: Int, height newHeight: Int) -> Planes {
    let columns = cubicTaps(from: width, to: newWidth)
    let rows = cubicTaps(from: height, to: newHeight)
    var across = [Float](repeating: 0, count: channelCount * height * newWidth)
    for row in 0..<(channelCount * height) {
      for (x, taps) in columns.enumerated() {
        var sum = 0.0
        for tap in taps { sum += tap.weight * Double(pixels[row * width + tap.index]) }
        across[row * newWidth + x] = Float(sum)
      }
    }
    var result = [Float](repeating: 0, count: channelCount * newHeight * newWidth)
    for channel in 0..<channelCount {
      for (y, taps) in rows.enumerated() {
        for x in 0..<newWidth {
          var sum = 0.0
          for tap in taps {
            sum += tap.weight * Double(across[(channel * height + tap.index) * newWidth + x])
          }
          result[(channel * newHeight + y) * newWidth + x] = Float(sum)
        }
      }
    }
    return Planes(width: newWidth, height: newHeight, channelCount: channelCount, pixels: result)
  }
}

/// For each new position its old ones with weights that sum to 1; the kernel is stretched where it shrinks.
private func cubicTaps(from length: Int, to count: Int) -> [[(index: Int, weight: Double)]] {
  let scale = Double(count) / Double(length)
  let stretch = min(scale, 1)
  return (0..<count).map { position in
    let centre = (Double(position) + 0.5) / scale - 0.5
    let reach = 2 / stretch
    let first = Int((centre - reach).rounded(.up))
    let last = Int((centre + reach).rounded(.down))
    let taps = (first...last).map { index -> (index: Int, weight: Double) in
      (min(max(index, 0), length - 1), keys((Double(index) - centre) * stretch))
    }
    let sum = taps.reduce(0) { $0 + $1.weight }
    return taps.map { ($0.index, $0.weight / sum) }
  }
}

private func keys(_ distance: Double) -> Double {
  let d = distance.magnitude
  if d <= 1 { return (1.5 * d - 2.5) * d * d + 1 }
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0
}
