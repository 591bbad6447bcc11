import Foundation

/// The tables of JPEG's Annex K, row by row.
private let luminanceTable: [Double] = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22,
  29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87,
  103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
]
private let chrominanceTable: [Double] = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
]

/// The orthonormal DCT-II of eight points: row k, column n.
private let cosines: [Double] = (0..<64).map { i in
  let (k, n) = (i / 8, i % 8)
  let scale = k == 0 ? (1.0 / 8).squareRoot() : (2.0 / 8).squareRoot()
  return scale * cos(Double.pi * (2 * Double(n) + 1) * Double(k) / 16)
}

extension Planes {
  /// JPEG: 8 bits, full-range BT.601, chroma halved both ways unless it is kept at full size, 8×8 blocks
  /// quantised by the tables scaled for the quality (the Independent JPEG Group's rule).
  mutating func compress(quality: Double, hasFullChroma: Bool) {
    let quality = quality.rounded()
    let scale = quality < 50 ? 5000 / quality : 200 - 2 * quality
    func table(_ base: [Double]) -> [Double] {
      base.map { min(max((($0 * scale + 50) / 100).rounded(.down), 1), 255) }
    }
    let values = pixels.map { (Double(min(max($0, 0), 1)) * 255).rounded() }
    guard channelCount == 3 else {
      let grey = coded(values, width: width, height: height, table(luminanceTable))
      for i in pixels.indices { pixels[i] = Float(min(max(grey[i].rounded(), 0), 255) / 255) }
      return
    }
    func plane(_ weights: (Double, Double, Double), _ offset: Double) -> [Double] {
      (0..<area).map {
        weights.0 * values[$0] + weights.1 * values[area + $0] + weights.2 * values[2 * area + $0] + offset
      }
    }
    let luma = coded(plane((0.299, 0.587, 0.114), 0), width: width, height: height, table(luminanceTable))
    func colour(_ plane: [Double]) -> [Double] {
      let table = table(chrominanceTable)
      return hasFullChroma ? coded(plane, width: width, height: height, table) : chroma(plane, table)
    }
    let blue = colour(plane((-0.168735892, -0.331264108, 0.5), 128))
    let red = colour(plane((0.5, -0.418687589, -0.081312411), 128))
    for i in 0..<area {
      let (b, r) = (blue[i] - 128, red[i] - 128)
      let colours = [luma[i] + 1.402 * r, luma[i] - 0.344136286 * b - 0.714136286 * r, luma[i] + 1.772 * b]
      for (channel, value) in colours.enumerated() {
        pixels[channel * area + i] = Float(min(max(value.rounded(), 0), 255) / 255)
      }
    }
  }

  /// The means of 2×2 pixels, coded, and each repeated again.
  private func chroma(_ plane: [Double], _ table: [Double]) -> [Double] {
    let (halfWidth, halfHeight) = ((width + 1) / 2, (height + 1) / 2)
    var half = [Double](repeating: 0, count: halfWidth * halfHeight)
    for y in 0..<halfHeight {
      for x in 0..<halfWidth {
        let (x1, y1) = (min(2 * x + 1, width - 1), min(2 * y + 1, height - 1))
        half[y * halfWidth + x] =
          (plane[2 * y * width + 2 * x] + plane[2 * y * width + x1] + plane[y1 * width + 2 * x]
            + plane[y1 * width + x1]) / 4
      }
    }
    let result = coded(half, width: halfWidth, height: halfHeight, table)
    return (0..<area).map { result[$0 / width / 2 * halfWidth + $0 % width / 2] }
  }
}

/// A plane cut into blocks, each transformed, quantised and transformed back; blocks beyond the edge repeat
/// it.
private func coded(_ plane: [Double], width: Int, height: Int, _ table: [Double]) -> [Double] {
  var result = plane
  var (block, half) = ([Double](repeating: 0, count: 64), [Double](repeating: 0, count: 64))
  for top in stride(from: 0, to: height, by: 8) {
    for left in stride(from: 0, to: width, by: 8) {
      for i in 0..<64 {
        let (y, x) = (min(top + i / 8, height - 1), min(left + i % 8, width - 1))
        block[i] = plane[y * width + x] - 128
      }
      transform(&block, &half, isInverse: false)
      for i in 0..<64 { block[i] = (block[i] / table[i]).rounded() * table[i] }
      transform(&block, &half, isInverse: true)
      for i in 0..<64 where top + i / 8 < height && left + i % 8 < width {
        result[(top + i / 8) * width + left + i % 8] = block[i] + 128
      }
    }
  }
  return result
}

private func transform(_ block: inout [Double], _ half: inout [Double], isInverse: Bool) {
  for i in 0..<8 {
    for k in 0..<8 {
      var sum = 0.0
      for n in 0..<8 { sum += block[i * 8 + n] * cosines[isInverse ? n * 8 + k : k * 8 + n] }
      half[i * 8 + k] = sum
    }
  }
  for j in 0..<8 {
    for k in 0..<8 {
      var sum = 0.0
      for n in 0..<8 { sum += half[n * 8 + j] * cosines[isInverse ? n * 8 + k : k * 8 + n] }
      block[k * 8 + j] = sum
    }
  }
}
