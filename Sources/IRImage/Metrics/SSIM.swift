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

  var window: [Double] {
    switch self {
    case .uniform7: return [Double](repeating: 1 / 7, count: 7)
    case .gaussian, .gaussianSample:
      let weights = (-5...5).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
      let sum = weights.reduce(0, +)
      return weights.map { $0 / sum }
    }
  }

  /// What turns the population covariance into the variant's.
  var covarianceFactor: Double {
    switch self {
    case .uniform7: 49.0 / 48
    case .gaussianSample: 121.0 / 120
    case .gaussian: 1
    }
  }
}

/// Structural similarity (Wang et al. 2004), the mean over channels and over the window positions
/// inside the picture.
/// - Throws: `ImageError.mismatch` where sizes differ or a side is shorter than the window.
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
  var total = 0.0
  for (x, y) in zip(a, b) {
    func mean(_ plane: [Double]) -> [Double] { filtered(plane, width: width, height: height, window) }
    let (mx, my) = (mean(x), mean(y))
    let xx = mean(zip(x, x).map(*))
    let yy = mean(zip(y, y).map(*))
    let xy = mean(zip(x, y).map(*))
    var sum = 0.0
    for i in mx.indices {
      let vx = variant.covarianceFactor * (xx[i] - mx[i] * mx[i])
      let vy = variant.covarianceFactor * (yy[i] - my[i] * my[i])
      let vxy = variant.covarianceFactor * (xy[i] - mx[i] * my[i])
      sum += (2 * mx[i] * my[i] + c1) * (2 * vxy + c2) / ((mx[i] * mx[i] + my[i] * my[i] + c1) * (vx + vy + c2))
    }
    total += sum / Double(mx.count)
  }
  return total / Double(a.count)
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
