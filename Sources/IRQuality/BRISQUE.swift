import IRImage

/// The statistics that BRISQUE (Mittal et al., 2012) judges pictures by. Its judgement itself is a trained
/// machine, which is not part of this.
package enum BRISQUE {
  /// 36 numbers, 18 at each of two scales: shape and variance of the normalized luma; shape, offset and both
  /// variances of the products of neighbours in four directions.
  /// - Throws: `QualityError.picture` for a picture below 16 pixels, or without structure.
  package static func features(_ image: Image) throws(QualityError) -> [Double] {
    guard min(image.width, image.height) >= 16 else {
      throw .picture("\(image.width)×\(image.height) pixels; both sides must be at least 16")
    }
    var plane = Plane(lumaOf: image, white: 255).rounded()
    var result: [Double] = []
    for scale in [1, 2] {
      let normal = plane.normalized(.zero).plane
      let (alpha, variance) = GeneralizedGaussian.symmetric(normal.values)
      result += [alpha, variance]
      for (down, right) in [(0, 1), (1, 0), (1, 1), (-1, 1)] {
        let pairs = GeneralizedGaussian(normal.product(down: down, right: right))
        result += [pairs.alpha, pairs.offset, pairs.left * pairs.left, pairs.right * pairs.right]
      }
      if scale == 1 { plane = plane.halved() }
    }
    guard result.allSatisfy(\.isFinite) else { throw .picture("the picture has no structure") }
    return result
  }
}
