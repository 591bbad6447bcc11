import IRTensor

/// Gives a restored picture the colours of the one that it was made of. Pictures are `[1, C, H, W]` float32
/// in 0...1 of one size; results are not clipped.
package enum ColourFix {
  /// Mean and deviation of each channel over the whole picture (adaptive instance normalization; Huang and
  /// Belongie, 2017), the variance unbiased and with 1e-5 added.
  /// - Throws: `DiffusionError.sizes` if the pictures differ in size.
  package static func statistics(_ picture: Tensor, like reference: Tensor) throws(DiffusionError) -> Tensor {
    let (planes, size) = try planes(picture, reference)
    let (x, y) = (picture.doubles, reference.doubles)
    var result = x
    for plane in 0..<planes {
      let range = (plane * size)..<((plane + 1) * size)
      let (own, wanted) = (moments(x[range]), moments(y[range]))
      for index in range {
        result[index] = (x[index] - own.mean) / own.deviation * wanted.deviation + wanted.mean
      }
    }
    return Tensor(picture.type, doubles: result)
  }

  /// The fine detail of the picture on the coarse colours of the reference: à-trous wavelets of `levels`
  /// levels, as StableSR has them.
  /// - Throws: `DiffusionError.sizes` if the pictures differ in size.
  package static func wavelet(
    _ picture: Tensor, like reference: Tensor, levels: Int = 5
  ) throws(DiffusionError) -> Tensor {
    _ = try planes(picture, reference)
    let (own, wanted) = (coarse(picture, levels: levels), coarse(reference, levels: levels))
    let x = picture.doubles
    return Tensor(picture.type, doubles: x.indices.map { x[$0] - own[$0] + wanted[$0] })
  }

  private static func planes(
    _ picture: Tensor, _ reference: Tensor
  ) throws(DiffusionError) -> (count: Int, size: Int) {
    let shape = picture.shape
    guard picture.type == reference.type, shape.rank == 4, shape[2] > 0, shape[3] > 0 else {
      throw .sizes("a picture of \(picture.type) with the colours of \(reference.type)")
    }
    return (shape[0] * shape[1], shape[2] * shape[3])
  }

  private static func moments(_ values: ArraySlice<Double>) -> (mean: Double, deviation: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    let sum = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (sum / Double(max(values.count - 1, 1)) + 1e-5).squareRoot())
  }

  /// The picture blurred by (1 2 1)/4 in both directions at distances 1, 2, 4, …, the edges repeated.
  private static func coarse(_ picture: Tensor, levels: Int) -> [Double] {
    let shape = picture.shape
    let (height, width) = (shape[2], shape[3])
    var values = picture.doubles
    for level in 0..<levels {
      let step = 1 << level
      var across = values
      for row in 0..<(shape[0] * shape[1] * height) {
        let base = row * width
        for x in 0..<width {
          let (left, right) = (max(x - step, 0), min(x + step, width - 1))
          across[base + x] = 0.25 * values[base + left] + 0.5 * values[base + x] + 0.25 * values[base + right]
        }
      }
      for plane in 0..<(shape[0] * shape[1]) {
        for y in 0..<height {
          let (up, down) = (max(y - step, 0), min(y + step, height - 1))
          let base = plane * height
          for x in 0..<width {
            values[(base + y) * width + x] =
              0.25 * across[(base + up) * width + x] + 0.5 * across[(base + y) * width + x]
              + 0.25 * across[(base + down) * width + x]
          }
        }
      }
    }
    return values
  }
}
