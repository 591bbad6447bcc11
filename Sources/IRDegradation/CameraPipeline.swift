import Foundation

/// The way of a camera from its sensor to an sRGB picture, and back: tone curve, transfer function, colour
/// matrix and gains, drawn for one camera and one light (Brooks et al. 2019, "Unprocessing images for learned
/// raw denoising").
struct CameraPipeline {
  /// Whether a smoothstep follows the sRGB transfer function.
  var hasToneCurve: Bool
  /// From the camera's colours to linear sRGB, and back; each row sums to 1.
  var fromCamera: ColourMatrix
  var toCamera: ColourMatrix
  /// The sensor's share of white for a white picture, by channel, before highlights are protected.
  var exposures: SIMD3<Double>

  init(_ random: inout RandomSource) {
    hasToneCurve = random.uniform() >= 0.3
    let weights = (0..<4).map { _ in random.uniform() }
    let xyzToCamera = zip(weights, Self.cameras).reduce(ColourMatrix()) { $0 + $1.1 * $1.0 }
    toCamera = (xyzToCamera * Self.sRGBToXYZ).normalizedRows
    fromCamera = toCamera.inverse
    let digital = min(max(0.8 + 0.1 * random.normal(), 0.5), 1)
    exposures = SIMD3(digital / random.uniform(1.9...2.4), digital, digital / random.uniform(1.5...1.9))
  }

  /// Linear colours of the sensor, and what each sample was multiplied by for it: both `[3, H, W]`. Near
  /// white the factors go over to 1, so that saturated areas stay saturated.
  /// - Precondition: three channels.
  func sensorColours(_ picture: Planes) -> (colours: Planes, factors: [Float]) {
    precondition(picture.channelCount == 3)
    let area = picture.area
    var result = picture
    var factors = [Float](repeating: 1, count: 3 * area)
    for i in 0..<area {
      let linear = SIMD3(
        linearised(Double(picture.pixels[i])), linearised(Double(picture.pixels[area + i])),
        linearised(Double(picture.pixels[2 * area + i])))
      let colours = toCamera * linear
      let excess = max(colours.sum() / 3 - 0.9, 0) / 0.1
      let protection = min(excess * excess, 1)
      for channel in 0..<3 {
        let factor = max(protection + (1 - protection) * exposures[channel], exposures[channel])
        factors[channel * area + i] = Float(factor)
        result.pixels[channel * area + i] = Float(colours[channel] * factor)
      }
    }
    return (result, factors)
  }

  /// The sRGB picture of linear sensor colours, 0...1.
  func picture(_ sensor: Planes, factors: [Float]) -> Planes {
    let area = sensor.area
    var result = sensor
    for i in 0..<area {
      func colour(_ channel: Int) -> Double {
        Double(sensor.pixels[channel * area + i]) / Double(factors[channel * area + i])
      }
      let linear = fromCamera * SIMD3(colour(0), colour(1), colour(2))
      for channel in 0..<3 { result.pixels[channel * area + i] = Float(encoded(linear[channel])) }
    }
    return result
  }

  /// sRGB to linear light, without the tone curve.
  func linearised(_ value: Double) -> Double {
    var x = min(max(value, 0), 1)
    if hasToneCurve { x = 0.5 - sin(asin(1 - 2 * x) / 3) }
    return x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4)
  }

  /// The inverse of `linearised`.
  func encoded(_ value: Double) -> Double {
    let x = min(max(value, 0), 1)
    let y = x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055
    return hasToneCurve ? y * y * (3 - 2 * y) : y
  }

  /// XYZ to the colours of four cameras under D65, as Brooks et al. list them.
  private static let cameras = [
    ColourMatrix(1.0234, -0.2969, -0.2266, -0.5625, 1.6328, -0.0469, -0.0703, 0.2188, 0.6406),
    ColourMatrix(0.4913, -0.0541, -0.0202, -0.613, 1.3513, 0.2906, -0.1564, 0.2151, 0.7183),
    ColourMatrix(0.838, -0.263, -0.0639, -0.2887, 1.0725, 0.2496, -0.0627, 0.1427, 0.5438),
    ColourMatrix(0.6596, -0.2079, -0.0562, -0.4782, 1.3016, 0.1933, -0.097, 0.1581, 0.5181),
  ]
  /// Of white D65.
  private static let sRGBToXYZ = ColourMatrix(
    0.4124564, 0.3575761, 0.1804375, 0.2126729, 0.7151522, 0.0721750, 0.0193339, 0.1191920, 0.9503041)
}

/// A matrix of 3×3 that maps colours to colours.
struct ColourMatrix {
  var rows = [SIMD3<Double>](repeating: .zero, count: 3)

  init() {}

  /// Row by row.
  init(_ values: Double...) {
    precondition(values.count == 9)
    rows = (0..<3).map { SIMD3(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2]) }
  }

  static func + (a: Self, b: Self) -> Self {
    var result = a
    for i in 0..<3 { result.rows[i] += b.rows[i] }
    return result
  }

  static func * (a: Self, factor: Double) -> Self {
    var result = a
    for i in 0..<3 { result.rows[i] *= factor }
    return result
  }

  static func * (a: Self, b: Self) -> Self {
    var result = Self()
    for (i, row) in a.rows.enumerated() {
      result.rows[i] = row.x * b.rows[0] + row.y * b.rows[1] + row.z * b.rows[2]
    }
    return result
  }

  @inline(__always)
  static func * (a: Self, colour: SIMD3<Double>) -> SIMD3<Double> {
    SIMD3((a.rows[0] * colour).sum(), (a.rows[1] * colour).sum(), (a.rows[2] * colour).sum())
  }

  /// Each row divided by its sum, so that white stays white.
  var normalizedRows: Self {
    var result = self
    for i in 0..<3 { result.rows[i] /= rows[i].sum() }
    return result
  }

  /// - Precondition: the determinant is not 0.
  var inverse: Self {
    func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
      SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
    }
    let cofactors = [cross(rows[1], rows[2]), cross(rows[2], rows[0]), cross(rows[0], rows[1])]
    let determinant = (rows[0] * cofactors[0]).sum()
    precondition(determinant != 0)
    var result = Self()
    for i in 0..<3 { result.rows[i] = SIMD3(cofactors[0][i], cofactors[1][i], cofactors[2][i]) / determinant }
    return result
  }
}
