import Glibc

/// The fine part of a plane: what a Gaussian blur takes away.
enum FineDetail {
  /// Standard deviation of the blur in pixels of the result. Noise and the grain of film lie mostly below,
  /// shapes above.
  static let deviation = 2.0

  /// A plane `[H, W]` less its blur; beyond the border the outer samples go on.
  static func of(_ plane: [Float], width: Int, height: Int) -> [Float] {
    let reach = Int((3 * deviation).rounded(.up))
    let raw = (-reach...reach).map { Float(exp(-Double($0 * $0) / (2 * deviation * deviation))) }
    let sum = raw.reduce(0, +)
    let kernel = raw.map { $0 / sum }

    var rows = [Float](repeating: 0, count: plane.count)
    for row in 0..<height {
      for column in 0..<width {
        var value: Float = 0
        for (index, weight) in kernel.enumerated() {
          value += weight * plane[row * width + min(max(column + index - reach, 0), width - 1)]
        }
        rows[row * width + column] = value
      }
    }
    var result = plane
    for row in 0..<height {
      for (index, weight) in kernel.enumerated() {
        let source = min(max(row + index - reach, 0), height - 1) * width
        for column in 0..<width { result[row * width + column] -= weight * rows[source + column] }
      }
    }
    return result
  }
}
