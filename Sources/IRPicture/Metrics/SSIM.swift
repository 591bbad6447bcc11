#if canImport(Glibc)
  import Glibc
#endif

/// The windows that published tables use; numbers of different variants must not be mixed.
public enum SSIMVariant: String, Sendable, CaseIterable {
  /// Uniform 7×7 window, sample covariance, mean over the map without a border of 3 (scikit-image).
  case uniform7
  /// Gaussian σ 1.5, 11×11, sample covariance, border of 5 left out.
  case gaussianSample
  /// Gaussian σ 1.5, 11×11, population covariance, border of 5 left out (Wang et al. 2004).
  case gaussian
  /// Gaussian σ 1.5, 11×11×11 with the channels as third axis, population covariance, the whole map with the
  /// edges repeated; how NAFNet's code imitates MATLAB's `ssim` of a colour picture.
  case gaussian3D

  /// A text to print beside a number.
  public var name: String {
    switch self {
    case .uniform7: "uniform 7×7"
    case .gaussianSample: "Gaussian 11×11, sample covariance"
    case .gaussian: "Gaussian 11×11"
    case .gaussian3D: "Gaussian 11×11×11"
    }
  }

  var window: [Double] {
    switch self {
    case .uniform7: return [Double](repeating: 1 / 7, count: 7)
    case .gaussian, .gaussianSample, .gaussian3D:
      let weights = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
      let sum = weights.reduce(0, +)
      return weights.map { $0 / sum }
    }
  }

  /// The factor from the population covariance to the variant's.
  var covarianceFactor: Double {
    switch self {
    case .uniform7: 49.0 / 48
    case .gaussianSample: 121.0 / 120
    case .gaussian, .gaussian3D: 1
    }
  }
}

/// Structural similarity (Wang et al. 2004), the mean over channels and over the window positions
/// inside the picture.
/// - Throws: `ImageError.mismatch` if sizes differ or a side is shorter than the window.
public func ssim(
  _ image: Image, _ reference: Image, variant: SSIMVariant = .uniform7,
  _ metricProtocol: MetricProtocol = MetricProtocol()
) throws(ImageError) -> Double {
  try checkSameSize(image, reference)
  let (a, width, height) = metricProtocol.planes(of: image)
  let b = metricProtocol.planes(of: reference).planes
  let window = variant.window
  guard width >= window.count, height >= window.count else {
    throw .mismatch(detail: "SSIM needs \(window.count) pixels a side, the pictures have \(width)×\(height)")
  }
  // Y as a float is scaled to 0...1, so one peak serves every protocol.
  let peak = metricProtocol.peak
  let c1 = (0.01 * peak) * (0.01 * peak)
  let c2 = (0.03 * peak) * (0.03 * peak)
  func means(_ planes: [[Double]]) -> [[Double]] {
    variant == .gaussian3D
      ? filteredWhole(planes, width: width, height: height, window)
      : planes.map { filtered($0, width: width, height: height, window) }
  }
  func products(_ p: [[Double]], _ q: [[Double]]) -> [[Double]] { zip(p, q).map { zip($0, $1).map(*) } }
  let (mx, my) = (means(a), means(b))
  let (xx, yy, xy) = (means(products(a, a)), means(products(b, b)), means(products(a, b)))
  var total = 0.0
  for channel in mx.indices {
    var sum = 0.0
    for i in mx[channel].indices {
      let (x, y) = (mx[channel][i], my[channel][i])
      let vx = variant.covarianceFactor * (xx[channel][i] - x * x)
      let vy = variant.covarianceFactor * (yy[channel][i] - y * y)
      let vxy = variant.covarianceFactor * (xy[channel][i] - x * y)
      sum += (2 * x * y + c1) * (2 * vxy + c2) / ((x * x + y * y + c1) * (vx + vy + c2))
    }
    total += sum / Double(mx[channel].count)
  }
  return total / Double(a.count)
}

/// The planes filtered along x, y and the channels, the edges repeated: as many and as large as before.
private func filteredWhole(_ planes: [[Double]], width: Int, height: Int, _ window: [Double]) -> [[Double]] {
  let radius = window.count / 2
  func clamped(_ position: Int, _ count: Int) -> Int { min(max(position, 0), count - 1) }
  let flat = planes.map { plane -> [Double] in
    var padded: [Double] = []
    padded.reserveCapacity((width + 2 * radius) * (height + 2 * radius))
    for y in -radius..<(height + radius) {
      let row = clamped(y, height) * width
      for x in -radius..<(width + radius) { padded.append(plane[row + clamped(x, width)]) }
    }
    return filtered(padded, width: width + 2 * radius, height: height + 2 * radius, window)
  }
  return flat.indices.map { channel in
    var sum = [Double](repeating: 0, count: width * height)
    for (tap, weight) in window.enumerated() {
      let source = flat[clamped(channel + tap - radius, flat.count)]
      for i in sum.indices { sum[i] += weight * source[i] }
    }
    return sum
  }
}

/// Separable filtering at the positions where the window lies inside.
private func filtered(_ plane: [Double], width: Int, height: Int, _ window: [Double]) -> [Double] {
  let outWidth = width - window.count + 1
  let outHeight = height - window.count + 1
  var rows = [Double](repeating: 0, count: outWidth * height)
  for y in 0..<height {
    for x in 0..<outWidth {
      var sum = 0.0
      for (k, weight) in window.enumerated() { sum += weight * plane[y * width + x + k] }
      rows[y * outWidth + x] = sum
    }
  }
  var result = [Double](repeating: 0, count: outWidth * outHeight)
  for y in 0..<outHeight {
    for (k, weight) in window.enumerated() {
      for x in 0..<outWidth { result[y * outWidth + x] += weight * rows[(y + k) * outWidth + x] }
    }
  }
  return result
}
