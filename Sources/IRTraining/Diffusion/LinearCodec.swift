import IRImage
import IRTensor

/// Latents by one linear map each way: principal components of blocks of pixels, each with variance 1 over
/// the photographs that they were fitted to. The weights are those of a `LinearEncoder` and `LinearDecoder`.
package struct LinearCodec: Sendable {
  /// The side of a block in pixels.
  package let factor: Int
  /// The deviation of each component in pixels of -1...1, largest first.
  package let deviations: [Double]
  /// `[C, 3, f, f]`, `[C]`, `[C, 3, f, f]`, `[3]`, by their names.
  package let weights: [String: Tensor]

  package var channelCount: Int { deviations.count }

  /// The components of largest variance of the blocks of a set of photographs, of every second block in both
  /// directions.
  /// - Throws: `TrainingError.data` if a photograph cannot be read, or if there are not twice as many blocks
  ///   as a block has numbers.
  package init(fitting set: ImageSet, channelCount: Int, factor: Int) throws(TrainingError) {
    let size = 3 * factor * factor
    var (sums, products, count) = (
      [Double](repeating: 0, count: size), [Double](repeating: 0, count: size * size), 0
    )
    for index in set.paths.indices {
      let (width, height) = try set.size(of: index)
      guard width >= factor, height >= factor else { continue }
      let picture = try set.crop(index, left: 0, top: 0, width: width, height: height)
      for top in stride(from: 0, through: height - factor, by: 2 * factor) {
        for left in stride(from: 0, through: width - factor, by: 2 * factor) {
          let block = Self.block(picture, left: left, top: top, factor)
          for i in 0..<size {
            sums[i] += block[i]
            for j in 0...i { products[i * size + j] += block[i] * block[j] }
          }
          count += 1
        }
      }
    }
    guard count >= 2 * size, (1...size).contains(channelCount) else {
      throw .data(detail: "\(count) blocks of pixels, for \(channelCount) components of \(size) numbers")
    }
    // A colour's mean does not depend on the place in a block.
    let area = factor * factor
    let colours = (0..<3).map { colour in
      sums[(colour * area)..<((colour + 1) * area)].reduce(0, +) / Double(count * area)
    }
    let means = sums.map { $0 / Double(count) }
    var covariance = [Double](repeating: 0, count: size * size)
    for i in 0..<size {
      for j in 0...i {
        let value = products[i * size + j] / Double(count) - means[i] * means[j]
        (covariance[i * size + j], covariance[j * size + i]) = (value, value)
      }
    }
    let (values, vectors) = symmetricEigenvectors(covariance, size: size)
    // Of flat photographs some components have no variance at all.
    self.init(
      factor: factor, colours: colours,
      deviations: values.prefix(channelCount).map { max($0, 1e-10).squareRoot() },
      basis: Array(vectors.prefix(channelCount)))
  }

  private init(factor: Int, colours: [Double], deviations: [Double], basis: [[Double]]) {
    self.factor = factor
    self.deviations = deviations
    let (area, shape) = (factor * factor, Shape([deviations.count, 3, factor, factor]))
    let encoder = zip(basis, deviations).map { vector, deviation in vector.map { $0 / deviation } }
    let bias = encoder.map { row in -row.indices.reduce(0.0) { $0 + row[$1] * colours[$1 / area] } }
    let decoder = zip(basis, deviations).flatMap { vector, deviation in vector.map { $0 * deviation } }
    func tensor(_ values: [Double], _ shape: Shape) -> Tensor {
      Tensor(TensorType(.float32, shape), doubles: values)
    }
    weights = [
      "encoder.weight": tensor(encoder.flatMap { $0 }, shape),
      "encoder.bias": tensor(bias, [deviations.count]),
      "decoder.weight": tensor(decoder, shape), "decoder.bias": tensor(colours, [3]),
    ]
  }

  /// The codec of weights that were kept, as checkpoints do.
  /// - Throws: `TrainingError.checkpoint` if one is missing or of another shape.
  package init(weights: [String: Tensor], path: String) throws(TrainingError) {
    guard let decoder = weights["decoder.weight"], decoder.shape.rank == 4, decoder.shape[1] == 3,
      decoder.shape[2] == decoder.shape[3], decoder.elementType == .float32,
      weights["encoder.weight"]?.type == decoder.type,
      weights["encoder.bias"]?.type == TensorType(.float32, [decoder.shape[0]]),
      weights["decoder.bias"]?.type == TensorType(.float32, [3])
    else { throw .checkpoint(path: path, detail: "it has no autoencoder") }
    let (values, size) = (decoder.doubles, decoder.shape.elementCount / max(decoder.shape[0], 1))
    factor = decoder.shape[2]
    deviations = (0..<decoder.shape[0]).map { row in
      values[(row * size)..<((row + 1) * size)].reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    self.weights = weights
  }

  /// The block's samples in -1...1, `[3, f, f]`.
  private static func block(_ picture: Image, left: Int, top: Int, _ factor: Int) -> [Double] {
    var block: [Double] = []
    block.reserveCapacity(3 * factor * factor)
    for colour in 0..<3 {
      for y in top..<(top + factor) {
        let row = (colour * picture.height + y) * picture.width
        for x in left..<(left + factor) { block.append(2 * Double(picture.pixels[row + x]) - 1) }
      }
    }
    return block
  }

  /// The latents `[C, H/f, W/f]` of samples `[3, H, W]` in 0...1, sides multiples of the factor.
  package func latents(_ pixels: ArraySlice<Float>, height: Int, width: Int) -> [Float] {
    precondition(pixels.count == 3 * height * width && height % factor == 0 && width % factor == 0)
    let (rows, columns, size) = (height / factor, width / factor, 3 * factor * factor)
    var result = [Float](repeating: 0, count: channelCount * rows * columns)
    var block = [Float](repeating: 0, count: size)
    tensor("encoder.weight") { weight in
      tensor("encoder.bias") { bias in
        for row in 0..<rows {
          for column in 0..<columns {
            var next = 0
            for colour in 0..<3 {
              for y in 0..<factor {
                let start = pixels.startIndex + (colour * height + row * factor + y) * width + column * factor
                for x in 0..<factor {
                  block[next] = 2 * pixels[start + x] - 1
                  next += 1
                }
              }
            }
            for channel in 0..<channelCount {
              var sum = bias[channel]
              for index in 0..<size { sum += weight[channel * size + index] * block[index] }
              result[(channel * rows + row) * columns + column] = sum
            }
          }
        }
      }
    }
    return result
  }

  /// The samples `[3, f h, f w]` in about 0...1 of latents `[C, h, w]`.
  package func pixels(_ latents: [Float], height rows: Int, width columns: Int) -> [Float] {
    precondition(latents.count == channelCount * rows * columns)
    let (height, width, area) = (rows * factor, columns * factor, factor * factor)
    var result = [Float](repeating: 0, count: 3 * height * width)
    tensor("decoder.weight") { weight in
      tensor("decoder.bias") { bias in
        for colour in 0..<3 {
          for y in 0..<height {
            for x in 0..<width {
              let place = (y / factor) * columns + x / factor
              let offset = colour * area + y % factor * factor + x % factor
              var sum = bias[colour]
              for channel in 0..<channelCount {
                sum += weight[channel * 3 * area + offset] * latents[channel * rows * columns + place]
              }
              result[(colour * height + y) * width + x] = (sum + 1) / 2
            }
          }
        }
      }
    }
    return result
  }

  private func tensor<R>(_ name: String, _ body: (UnsafeBufferPointer<Float>) -> R) -> R {
    guard let tensor = weights[name] else { preconditionFailure("a codec has \(name)") }
    return tensor.withElements(as: Float.self, body)
  }
}
