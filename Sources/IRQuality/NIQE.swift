import IRImage

/// NIQE (Mittal et al., 2013): how far the statistics of a picture's blocks are from those of clean
/// photographs; lower is better. Scores of different models of photographs do not compare.
package struct NIQE: Sendable {
  /// Pixels along a block.
  static let blockSide = 96
  /// Numbers of a block: 18 at each of two scales.
  static let featureCount = 36

  package let model: NaturalPictures

  package init(_ model: NaturalPictures) { self.model = model }

  /// The score, at least 0.
  /// - Throws: `QualityError.picture` for a picture of fewer than two blocks of 96 × 96 pixels with
  ///   structure.
  package func score(_ image: Image) throws(QualityError) -> Double {
    let rows = try Self.features(image).map(\.values)
    // Blocks without any structure have no statistics.
    let whole = rows.filter { $0.allSatisfy(\.isFinite) }
    guard whole.count >= 2 else {
      throw .picture("\(whole.count) blocks of \(Self.blockSide) pixels have structure, needs at least 2")
    }
    let mean = (0..<Self.featureCount).map { column -> Double in
      let known = rows.map { $0[column] }.filter { !$0.isNaN }
      return known.reduce(0, +) / Double(known.count)
    }
    let own = SymmetricMatrix.statistics(whole).covariance
    let average = zip(model.covariance, own).map { ($0 + $1) / 2 }
    let difference = zip(model.mean, mean).map { $0 - $1 }
    return try SymmetricMatrix.inverseForm(average, difference).magnitude.squareRoot()
  }

  /// One block's statistics.
  struct Block {
    var values: [Double]
    /// The sum of local deviations, which tells sharp blocks.
    var sharpness: Double
  }

  /// The blocks, column by column.
  static func features(_ image: Image) throws(QualityError) -> [Block] {
    let (rows, columns) = (image.height / blockSide, image.width / blockSide)
    guard rows > 0, columns > 0 else {
      throw .picture(
        "\(image.width)×\(image.height) pixels are smaller than a block of \(blockSide)×\(blockSide)")
    }
    var plane = Plane(lumaOf: image, white: 255).rounded()
      .cropped(width: columns * blockSide, height: rows * blockSide)
    var blocks = [Block](repeating: Block(values: [], sharpness: 0), count: rows * columns)
    for scale in [1, 2] {
      let size = blockSide / scale
      let (normal, deviation) = plane.normalized(.edge)
      for column in 0..<columns {
        for row in 0..<rows {
          let index = column * rows + row
          blocks[index].values += features(normal.block(row: row * size, column: column * size, size: size))
          guard scale == 1 else { continue }
          let map = Plane(width: plane.width, height: plane.height, values: deviation)
          blocks[index].sharpness = map.block(row: row * size, column: column * size, size: size).values
            .reduce(0, +)
        }
      }
      if scale == 1 { plane = plane.halved() }
    }
    return blocks
  }

  /// Shape and scale of a block's values; shape, mean and scales of the products of neighbours in four
  /// directions.
  private static func features(_ block: Plane) -> [Double] {
    let own = GeneralizedGaussian(block.values)
    var result = [own.alpha, (own.scales.left + own.scales.right) / 2]
    for (down, right) in [(0, 1), (1, 0), (1, 1), (1, -1)] {
      let pairs = GeneralizedGaussian(block.product(down: down, right: right))
      result += [pairs.alpha, pairs.mean, pairs.scales.left, pairs.scales.right]
    }
    return result
  }
}
