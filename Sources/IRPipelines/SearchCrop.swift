import IRTensor

extension PipelineSearch.Crop {
  /// Corners of crops lie on multiples of so many pixels.
  private static let step = 32

  /// The part of a picture `[1, 3, H, W]` float32 of at most `side` pixels along each side that has most
  /// detail: the largest sum of the differences of neighbouring pixels' sums of colours.
  init(of picture: Tensor, side: Int) {
    let (rows, columns) = (picture.shape[2], picture.shape[3])
    let (height, width) = (min(side, rows), min(side, columns))
    self.height = height
    self.width = width
    guard height < rows || width < columns else {
      (row, column) = (0, 0)
      return
    }
    let sums = Self.detail(picture)
    func starts(_ extent: Int, _ window: Int) -> [Int] {
      Array(stride(from: 0, to: extent - window, by: Self.step)) + [extent - window]
    }
    var best = (sum: -Double.infinity, row: 0, column: 0)
    for row in starts(rows, height) {
      for column in starts(columns, width) {
        func corner(_ y: Int, _ x: Int) -> Double { sums[y * (columns + 1) + x] }
        let sum =
          corner(row + height, column + width) - corner(row, column + width) - corner(row + height, column)
          + corner(row, column)
        if sum > best.sum { best = (sum, row, column) }
      }
    }
    (row, column) = (best.row, best.column)
  }

  /// Sums of differences over all pixels above and left of each corner: `[H + 1, W + 1]`.
  private static func detail(_ picture: Tensor) -> [Double] {
    let (rows, columns) = (picture.shape[2], picture.shape[3])
    let plane = rows * columns
    var sums = [Double](repeating: 0, count: (rows + 1) * (columns + 1))
    picture.withElements(as: Float.self) { values in
      func grey(_ index: Int) -> Double {
        Double(values[index]) + Double(values[plane + index]) + Double(values[2 * plane + index])
      }
      for y in 0..<rows {
        var line = 0.0
        for x in 0..<columns {
          let index = y * columns + x
          let own = grey(index)
          if x + 1 < columns { line += (grey(index + 1) - own).magnitude }
          if y + 1 < rows { line += (grey(index + columns) - own).magnitude }
          sums[(y + 1) * (columns + 1) + x + 1] = sums[y * (columns + 1) + x + 1] + line
        }
      }
    }
    return sums
  }
}
