import IROperators
import IRTensor

/// Pictures with less detail, which a model is shown so that it invents more (UniRes' DownLQ).
package enum LowQuality {
  /// The picture `[1, C, H, W]` in 0...1 shrunk by a factor and enlarged again, clipped to 0...1: Keys' cubic
  /// with a = -0.5, half-pixel centres, widened by the factor on the way down, as Pillow and JAX do it.
  /// - Throws: `DiffusionError.sizes` if a side is smaller than the factor.
  package static func reduced(_ picture: Tensor, by factor: Int) throws(DiffusionError) -> Tensor {
    let shape = picture.shape
    guard shape.rank == 4, factor >= 1, shape[2] >= factor, shape[3] >= factor else {
      throw .sizes("a picture of \(shape) cannot be shrunk by \(factor)")
    }
    guard factor > 1 else { return picture }
    let small = resized(picture, to: [shape[2] / factor, shape[3] / factor])
    let large = resized(small, to: [shape[2], shape[3]])
    return Tensor(large.type, doubles: large.doubles.map { min(max($0, 0), 1) })
  }

  /// The picture `[1, C, H, W]` in 0...1 enlarged by a factor, clipped to 0...1, as a model of pictures that
  /// were shrunk is shown it.
  package static func enlarged(_ picture: Tensor, by factor: Int) throws(DiffusionError) -> Tensor {
    let shape = picture.shape
    guard shape.rank == 4, (1...16).contains(factor) else {
      throw .sizes("a picture of \(shape) cannot be enlarged by \(factor)")
    }
    guard factor > 1 else { return picture }
    let large = resized(picture, to: [factor * shape[2], factor * shape[3]])
    return Tensor(large.type, doubles: large.doubles.map { min(max($0, 0), 1) })
  }

  private static func resized(_ picture: Tensor, to sides: [Int]) -> Tensor {
    let shape = picture.shape
    let resize = Resize(
      mode: .cubic, extents: [shape[0], shape[1]] + sides,
      scales: [1, 1] + sides.indices.map { Double(sides[$0]) / Double(shape[$0 + 2]) },
      cubicCoefficient: -0.5, excludesOutside: true, isAntialiased: true)
    return resize.evaluate([picture])[0]
  }
}
