import IRTensor

/// The eigenvalues of the covariance of a picture's patches. Pictures are redundant: all but the largest
/// eigenvalues are those of the noise alone.
enum PatchSpectrum {
  private static let patchLimit = 10_000

  /// The variance of white noise (Chen, Zhu and Heng, An Efficient Statistical Method for Image Noise Level
  /// Estimation, 2015): the mean of the least eigenvalues, as many as have it for their median.
  static func noiseVariance(_ planes: NoiseEstimate.Planes) -> Double {
    // About a hundred samples a patch.
    let side = planes.count == 1 ? 8 : 6
    let values = eigenvalues(of: covariance(planes, side), count: planes.count * side * side).map {
      max($0, 0)
    }.sorted()
    // From the least one on, so that the large ones round nothing away.
    var sums = [0.0]
    for value in values { sums.append(sums[sums.count - 1] + value) }
    for count in stride(from: values.count, to: 0, by: -1) {
      let mean = sums[count] / Double(count)
      let above = values[..<count].count { $0 > mean }
      let below = values[..<count].count { $0 < mean }
      if above >= below { return mean }
    }
    return 0
  }

  private static func covariance(_ planes: NoiseEstimate.Planes, _ side: Int) -> [Double] {
    let (width, area) = (planes.width, planes.area)
    let (columns, rows) = (width - side + 1, planes.height - side + 1)
    var step = 1
    while (rows / step + 1) * (columns / step + 1) > patchLimit { step += 1 }
    let length = planes.count * side * side
    var sums = [Double](repeating: 0, count: length)
    var products = [Double](repeating: 0, count: length * length)
    var patch = [Double](repeating: 0, count: length)
    // Sums of squares of numbers around 0 lose the least.
    let centre = (0..<planes.count).map { plane in
      planes.samples[(plane * area)..<((plane + 1) * area)].reduce(0.0) { $0 + Double($1) } / Double(area)
    }
    var count = 0.0
    products.withUnsafeMutableBufferPointer { products in
      for top in stride(from: 0, to: rows, by: step) {
        for left in stride(from: 0, to: columns, by: step) {
          var position = 0
          for (plane, mean) in centre.enumerated() {
            for y in top..<(top + side) {
              for x in left..<(left + side) {
                patch[position] = Double(planes.samples[plane * area + y * width + x]) - mean
                position += 1
              }
            }
          }
          count += 1
          patch.withUnsafeBufferPointer { patch in
            for i in 0..<length {
              let (value, row) = (patch[i], i * length)
              sums[i] += value
              for j in i..<length { products[row + j] += value * patch[j] }
            }
          }
        }
      }
    }
    for i in 0..<length {
      for j in i..<length {
        let value = products[i * length + j] / count - sums[i] / count * (sums[j] / count)
        (products[i * length + j], products[j * length + i]) = (value, value)
      }
    }
    return products
  }

  /// The eigenvalues of a symmetric matrix, in no order.
  static func eigenvalues(of matrix: [Double], count n: Int) -> [Double] {
    var matrix = matrix
    let trace = (0..<n).reduce(0.0) { $0 + matrix[$1 * n + $1].magnitude }
    // Far below what an 8-bit step makes of a variance.
    diagonalize(&matrix, size: n, negligible: 1e-13 * trace, sweepLimit: 30)
    return (0..<n).map { matrix[$0 * n + $0] }
  }
}
