#if canImport(Glibc)
  import Glibc
#endif

/// How a metric looks at two pictures before it compares them; part of every number that is printed.
public struct MetricProtocol: Hashable, Sendable, CustomStringConvertible {
  public enum Colour: String, Hashable, Sendable {
    /// Red, green and blue together.
    case rgb = "RGB"
    /// BT.601 studio luma as MATLAB's `rgb2ycbcr` has it.
    case luma = "Y"
  }

  public enum Values: String, Hashable, Sendable {
    case float = "float"
    case clampedFloat = "float clamped to 0...1"
    /// Rounded to 8 bits, with 255 as the peak.
    case uint8 = "8 bit"
  }

  public var colour: Colour
  public var values: Values
  /// Centre-crops both pictures to a multiple of this many pixels; 1 keeps them whole.
  public var cropMultiple: Int

  public init(colour: Colour = .rgb, values: Values = .clampedFloat, cropMultiple: Int = 1) {
    self.colour = colour
    self.values = values
    self.cropMultiple = cropMultiple
  }

  public var description: String {
    let crop = cropMultiple > 1 ? ", centre crop to a multiple of \(cropMultiple)" : ""
    return "\(colour.rawValue), \(values.rawValue)\(crop)"
  }

  /// The value of white.
  var peak: Double { values == .uint8 ? 255 : 1 }

  /// The planes that are compared, each `[H, W]`, and their size.
  func planes(of image: Image) -> (planes: [[Double]], width: Int, height: Int) {
    let image = colour == .luma ? image.asColour() : image
    let count = image.width * image.height
    var planes = (0..<image.channelCount).map { channel in
      image.pixels[(channel * count)..<((channel + 1) * count)].map { value -> Double in
        switch values {
        case .float: Double(value)
        case .clampedFloat: Double(min(max(value, 0), 1))
        case .uint8: Double((min(max(value, 0), 1) * 255).rounded())
        }
      }
    }
    if colour == .luma {
      let isRounded = values == .uint8
      let scale = 1 / peak
      let luma = (0..<count).map { index -> Double in
        let y =
          (65.481 * planes[0][index] + 128.553 * planes[1][index] + 24.966 * planes[2][index]) * scale + 16
        return isRounded ? y.rounded() : y / 255
      }
      planes = [luma]
    }
    let height = image.height - image.height % cropMultiple
    let width = image.width - image.width % cropMultiple
    guard height != image.height || width != image.width else { return (planes, width, height) }
    let top = (image.height % cropMultiple) / 2
    let left = (image.width % cropMultiple) / 2
    planes = planes.map { plane in
      (0..<height).flatMap { row -> ArraySlice<Double> in
        let start = (top + row) * image.width + left
        return plane[start..<(start + width)]
      }
    }
    return (planes, width, height)
  }
}

/// Peak signal-to-noise ratio in dB: 10 log10(peak² / MSE), the error over all pixels and channels;
/// infinite for equal pictures.
/// - Throws: `ImageError.mismatch` if sizes or channel counts differ.
public func psnr(
  _ image: Image, _ reference: Image, _ metricProtocol: MetricProtocol = MetricProtocol()
) throws(ImageError) -> Double {
  try checkSameSize(image, reference)
  let a = metricProtocol.planes(of: image).planes
  let b = metricProtocol.planes(of: reference).planes
  var sum = 0.0
  var count = 0
  for (p, q) in zip(a, b) {
    for (x, y) in zip(p, q) { sum += (x - y) * (x - y) }
    count += p.count
  }
  let peak = metricProtocol.peak
  return sum == 0 ? .infinity : 10 * log10(peak * peak * Double(count) / sum)
}

func checkSameSize(_ a: Image, _ b: Image) throws(ImageError) {
  guard a.width == b.width, a.height == b.height, a.channelCount == b.channelCount else {
    throw .mismatch(
      detail:
        "pictures of \(a.width)×\(a.height)×\(a.channelCount) and \(b.width)×\(b.height)×\(b.channelCount) "
        + "cannot be compared")
  }
}
