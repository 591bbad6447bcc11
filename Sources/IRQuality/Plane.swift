import IRImage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One channel of a picture in float64, row by row.
struct Plane: Sendable {
  var width: Int
  var height: Int
  var values: [Double]

  init(width: Int, height: Int, values: [Double]) {
    self.width = width
    self.height = height
    self.values = values
  }

  /// The luma of a picture in 0...1 (0.299 R + 0.587 G + 0.114 B), times `white`. Computed in float32 of k /
  /// 255, as pyiqa does: sums of 8-bit colours fall on halves, which are rounded later, so that the last bit
  /// matters.
  init(lumaOf image: Image, white: Float) {
    let count = image.width * image.height
    let pixels = image.pixels.map(Self.eightBits)
    (width, height) = (image.width, image.height)
    if image.channelCount == 1 {
      values = pixels.map { Double($0 * white) }
    } else {
      values = (0..<count).map { index in
        let luma = 0.299 * pixels[index] + 0.587 * pixels[count + index] + 0.114 * pixels[2 * count + index]
        return Double(luma * white)
      }
    }
  }

  /// The quotient k / 255 where a number is one but for its last bits.
  private static func eightBits(_ value: Float) -> Float {
    let step = (value * 255).rounded()
    return (value * 255 - step).magnitude < 1e-4 ? step / 255 : value
  }

  /// Halves to even.
  func rounded() -> Plane {
    Plane(width: width, height: height, values: values.map { $0.rounded(.toNearestOrEven) })
  }

  /// The top left.
  func cropped(width: Int, height: Int) -> Plane {
    Plane(
      width: width, height: height,
      values: (0..<height).flatMap { y in values[(y * self.width)..<(y * self.width + width)] })
  }

  /// The values beyond the picture.
  enum Border { case edge, zero }

  /// A Gaussian window of 7 × 7 pixels, σ = 7/6, its numbers rounded to float32, as the published code has
  /// them: over flat areas their sum, which is not quite 1, decides.
  private static let window: [Double] = {
    let variance = 49.0 / 36
    var weights: [Double] = []
    for y in -3...3 {
      for x in -3...3 { weights.append(exp(-Double(x * x + y * y) / (2 * variance))) }
    }
    let sum = weights.reduce(0, +)
    return weights.map { Double(Float($0 / sum)) }
  }()

  private func filtered(_ border: Border) -> [Double] {
    let radius = 3
    var result = [Double](repeating: 0, count: values.count)
    for y in 0..<height {
      for x in 0..<width {
        var sum = 0.0
        let isInside = y >= radius && y < height - radius && x >= radius && x < width - radius
        for dy in -radius...radius {
          for dx in -radius...radius {
            var (row, column) = (y + dy, x + dx)
            if !isInside {
              if border == .zero, row < 0 || row >= height || column < 0 || column >= width { continue }
              (row, column) = (min(max(row, 0), height - 1), min(max(column, 0), width - 1))
            }
            sum += Self.window[(dy + radius) * 7 + dx + radius] * values[row * width + column]
          }
        }
        result[y * width + x] = sum
      }
    }
    return result
  }

  /// Contrast normalized by its surroundings, (I - μ) / (σ + 1) (Ruderman, 1994), and σ.
  func normalized(_ border: Border) -> (plane: Plane, deviation: [Double]) {
    let mean = filtered(border)
    let square = Plane(width: width, height: height, values: values.map { $0 * $0 }).filtered(border)
    let deviation = values.indices.map { (square[$0] - mean[$0] * mean[$0]).magnitude.squareRoot() }
    let result = values.indices.map { (values[$0] - mean[$0]) / (deviation[$0] + 1) }
    return (Plane(width: width, height: height, values: result), deviation)
  }

  /// Half the sides, rounded up: MATLAB's `imresize`, cubic and antialiased, the edge repeated in mirror.
  func halved() -> Plane {
    func cubic(_ x: Double) -> Double {
      let a = x.magnitude
      if a <= 1 { return (1.5 * a - 2.5) * a * a + 1 }
      return a <= 2 ? ((-0.5 * a + 2.5) * a - 4) * a + 2 : 0
    }
    let taps = (-4...5).map { cubic((0.5 - Double($0)) / 2) }
    let sum = taps.reduce(0, +)
    let weights = taps.map { $0 / sum }
    func mirrored(_ index: Int, _ count: Int) -> Int {
      var index = index
      if index < 0 { index = -1 - index }
      if index >= count { index = 2 * count - 1 - index }
      return min(max(index, 0), count - 1)
    }
    let (newWidth, newHeight) = ((width + 1) / 2, (height + 1) / 2)
    var tall = [Double](repeating: 0, count: width * newHeight)
    for y in 0..<newHeight {
      for (tap, weight) in weights.enumerated() {
        let row = mirrored(2 * y - 4 + tap, height)
        for x in 0..<width { tall[y * width + x] += weight * values[row * width + x] }
      }
    }
    var result = [Double](repeating: 0, count: newWidth * newHeight)
    for x in 0..<newWidth {
      for (tap, weight) in weights.enumerated() {
        let column = mirrored(2 * x - 4 + tap, width)
        for y in 0..<newHeight { result[y * newWidth + x] += weight * tall[y * width + column] }
      }
    }
    return Plane(width: newWidth, height: newHeight, values: result)
  }

  /// The part of `size` pixels each way from a row and a column on.
  func block(row: Int, column: Int, size: Int) -> Plane {
    Plane(
      width: size, height: size,
      values: (row..<(row + size)).flatMap { y in
        values[(y * width + column)..<(y * width + column + size)]
      })
  }

  /// Each element times the one that lies `down` rows and `right` columns before it, around the border.
  func product(down: Int, right: Int) -> [Double] {
    var result = values
    for y in 0..<height {
      let row = (y - down + height) % height
      for x in 0..<width { result[y * width + x] *= values[row * width + (x - right + width) % width] }
    }
    return result
  }
}
