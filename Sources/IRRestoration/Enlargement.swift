extension [Float] {
  /// A plane `[H, W]` enlarged by a whole factor, bilinearly between pixels' centres.
  package func enlargedLinearly(_ width: Int, _ height: Int, by scale: Int) -> [Float] {
    enlarged(width, height, by: scale, reach: 1) { Swift.max(0, 1 - abs($0)) }
  }

  /// A plane `[H, W]` enlarged by a whole factor with Keys' cubic of a = -0.5 (Catmull-Rom), edges continued.
  func enlargedCubically(_ width: Int, _ height: Int, by scale: Int) -> [Float] {
    enlarged(width, height, by: scale, reach: 2) { distance in
      let x = abs(distance)
      if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
    }
  }

  /// Rows, then columns, each result a sum over the samples nearer than `reach`, weighted by `kernel`.
  private func enlarged(
    _ width: Int, _ height: Int, by scale: Int, reach: Int, _ kernel: (Float) -> Float
  ) -> [Float] {
    guard scale > 1 else { return self }
    func taps(_ side: Int) -> [[(index: Int, weight: Float)]] {
      (0..<(side * scale)).map { position in
        let place = (Float(position) + 0.5) / Float(scale) - 0.5
        let first = Int(place.rounded(.down))
        return ((first - reach + 1)...(first + reach)).map {
          (Swift.min(Swift.max($0, 0), side - 1), kernel(place - Float($0)))
        }
      }
    }
    let (rows, columns) = (taps(height), taps(width))
    var line = [Float](repeating: 0, count: width)
    var result: [Float] = []
    result.reserveCapacity(count * scale * scale)
    for row in rows {
      for column in 0..<width {
        line[column] = row.reduce(0) { $0 + $1.weight * self[$1.index * width + column] }
      }
      for column in columns {
        result.append(column.reduce(0) { $0 + $1.weight * line[$1.index] })
      }
    }
    return result
  }
}
