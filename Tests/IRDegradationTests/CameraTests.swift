import Foundation
import IRImage
import Testing

@testable import IRDegradation

private let project = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// A photograph in the public domain.
private func photograph() throws -> Image {
  try ImageFile.read(project.appendingPathComponent("docs/images/astronaut.png").path)
}

private func flat(_ value: Float, side: Int) -> Image {
  Image(width: side, height: side, channelCount: 3, pixels: [Float](repeating: value, count: 3 * side * side))
}

@Test(arguments: 0..<4 as Range<UInt64>)
func theSensorsColoursGiveThePictureBack(_ seed: UInt64) throws {
  let picture = Planes(try photograph())
  var random = RandomSource(seed: seed)
  let pipeline = CameraPipeline(&random)
  let (sensor, factors) = pipeline.sensorColours(picture)
  let back = pipeline.picture(sensor, factors: factors)
  let largest = zip(back.pixels, picture.pixels).reduce(0 as Float) { max($0, ($1.0 - $1.1).magnitude) }
  #expect(largest < 1e-5)
  for row in pipeline.toCamera.rows { #expect((row.sum() - 1).magnitude < 1e-12) }
  let identity = pipeline.toCamera * pipeline.fromCamera
  for i in 0..<3 {
    for j in 0..<3 { #expect((identity.rows[i][j] - (i == j ? 1 : 0)).magnitude < 1e-12) }
  }
}

@Test func theTransferIsThatOfSRGB() {
  var random = RandomSource(seed: 1)
  var pipeline = CameraPipeline(&random)
  pipeline.hasToneCurve = false
  // IEC 61966-2-1.
  #expect((pipeline.linearised(0.5) - 0.2140411).magnitude < 1e-6)
  #expect((pipeline.linearised(0.04) - 0.04 / 12.92).magnitude < 1e-12)
  pipeline.hasToneCurve = true
  #expect((pipeline.encoded(pipeline.linearised(0.3)) - 0.3).magnitude < 1e-12)
}

/// Through the mosaic and back a photograph loses its finest detail only. A camera's optics leave less of
/// that than a small picture has, so the picture is enlarged.
@Test(arguments: [Mosaic.Interpolation.bilinear, .gradientCorrected])
func aPhotographSurvivesTheMosaic(_ interpolation: Mosaic.Interpolation) throws {
  let small = Planes(try photograph())
  var large = small.resized(width: 2 * small.width, height: 2 * small.height)
  large.clip()
  let picture = Image(width: large.width, height: large.height, channelCount: 3, pixels: large.pixels)
  for seed in 0..<3 as Range<UInt64> {
    var random = RandomSource(seed: seed)
    let pipeline = CameraPipeline(&random)
    let (sensor, factors) = pipeline.sensorColours(large)
    let mosaic = Mosaic(sensor, phase: (x: Int(seed & 1), y: Int(seed >> 1)))
    let back = pipeline.picture(mosaic.interpolated(interpolation), factors: factors)
    let value = try psnr(picture.replacing(pixels: back.pixels, channelCount: 3), picture)
    #expect(value > 32, "\(value) dB")
  }
}

/// Both interpolations give a linear ramp back, whatever the phase.
@Test(arguments: [Mosaic.Interpolation.bilinear, .gradientCorrected])
func rampsSurviveTheMosaic(_ interpolation: Mosaic.Interpolation) {
  var ramp = Planes(width: 12, height: 10, channelCount: 3, pixels: [Float](repeating: 0, count: 360))
  for i in 0..<120 {
    for channel in 0..<3 { ramp.pixels[channel * 120 + i] = Float(i % 12) * 0.02 + Float(i / 12) * 0.03 }
  }
  for phase in [(x: 0, y: 0), (x: 1, y: 0), (x: 0, y: 1), (x: 1, y: 1)] {
    let back = Mosaic(ramp, phase: phase).interpolated(interpolation)
    for channel in 0..<3 {
      for y in 2..<8 {
        for x in 2..<10 {
          let i = channel * 120 + y * 12 + x
          #expect((back.pixels[i] - ramp.pixels[i]).magnitude < 1e-5, "\(phase) \(channel) \(x) \(y)")
        }
      }
    }
  }
}

/// Variances of sensor noise at a level, seen through the mosaic's own samples.
@Test func sensorNoiseHasItsVariance() throws {
  var random = RandomSource(seed: 8)
  let (weak, strong) = (
    Planes.SensorNoise(sensitivity: 100, &random), Planes.SensorNoise(sensitivity: 1600, &random)
  )
  #expect((weak.shot - 4e-5).magnitude < 1e-12 && (strong.shot / weak.shot - 16).magnitude < 1e-9)
  // The logarithm of read noise lies on the line of Brooks et al., with their spread.
  var deviations: [Double] = []
  for _ in 0..<4000 {
    let noise = Planes.SensorNoise(sensitivity: 800, &random)
    deviations.append(log(noise.read) - (2.18 * log(noise.shot) + 1.2))
  }
  let mean = deviations.reduce(0, +) / 4000
  let spread = (deviations.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000).squareRoot()
  #expect(mean.magnitude < 0.02 && (spread - 0.26).magnitude < 0.02)
}

private func difference(_ a: Image, _ b: Image) -> [[Double]] {
  let area = a.width * a.height
  return (0..<a.channelCount).map { channel in
    (0..<area).map { Double(a.pixels[channel * area + $0] - b.pixels[channel * area + $0]) * 255 }
  }
}

private func deviation(_ values: [Double]) -> Double {
  let mean = values.reduce(0, +) / Double(values.count)
  return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
}

/// The correlation of neighbours at a distance in a row.
private func correlation(_ values: [Double], width: Int, lag: Int) -> Double {
  let mean = values.reduce(0, +) / Double(values.count)
  var (sum, squares, count) = (0.0, 0.0, 0.0)
  for i in values.indices {
    squares += (values[i] - mean) * (values[i] - mean)
    if i % width + lag < width {
      sum += (values[i] - mean) * (values[i + lag] - mean)
      count += 1
    }
  }
  return squares > 0 ? sum / count / (squares / Double(values.count)) : 0
}

@Test func cameraNoiseGrowsWithSensitivityAndIsCorrelated() throws {
  func deviations(_ name: String, _ level: Float) throws -> Double {
    let image = flat(level, side: 64)
    let degradation = try Degradation(name)
    let values = (0..<24 as Range<UInt64>).map { seed in
      deviation(difference(degradation.applied(to: image, seed: seed), image)[1])
    }
    return values.reduce(0, +) / Double(values.count)
  }
  let (weak, strong) = (try deviations("camera200", 0.5), try deviations("camera3200", 0.5))
  // 16 times the sensitivity, 16 times the variance of shot noise.
  #expect((3...5).contains(strong / weak), "\(strong) / \(weak)")
  // Near white the tone curve flattens, and so does the noise.
  #expect(try deviations("camera3200", 0.97) < 0.75 * strong)
  let image = flat(0.5, side: 96)
  let camera = try Degradation("camera1600")
  var correlations: [Double] = []
  for seed in 0..<24 as Range<UInt64> {
    let noise = difference(camera.applied(to: image, seed: seed), image)[1]
    correlations.append(correlation(noise, width: 96, lag: 1))
  }
  let mean = correlations.reduce(0, +) / Double(correlations.count)
  #expect((0.2...0.7).contains(mean), "\(mean)")
  let white = try Degradation("noise10").applied(to: image, seed: 1)
  #expect(correlation(difference(white, image)[1], width: 96, lag: 1).magnitude < 0.05)
}

/// A camera that reduces noise leaves less of it; what it leaves of the colours is in blotches.
@Test func reducedCameraNoiseIsWeakerAndCoarser() throws {
  let image = flat(0.4, side: 96)
  func means(_ name: String) throws -> (luma: Double, colours: Double, near: Double, far: Double) {
    let degradation = try Degradation(name)
    var sums = (luma: 0.0, colours: 0.0, near: 0.0, far: 0.0)
    for seed in 0..<24 as Range<UInt64> {
      let noise = difference(degradation.applied(to: image, seed: seed), image)
      let luma = noise[0].indices.map { 0.299 * noise[0][$0] + 0.587 * noise[1][$0] + 0.114 * noise[2][$0] }
      let blue = zip(noise[2], luma).map { $0 - $1 }
      sums.luma += deviation(luma) / 24
      sums.colours += deviation(blue) / 24
      sums.near += correlation(luma, width: 96, lag: 1) / 24
      sums.far += correlation(blue, width: 96, lag: 4) / 24
    }
    return sums
  }
  let (plain, reduced) = (try means("camera3200"), try means("cameranr3200"))
  #expect(reduced.luma < 0.8 * plain.luma && reduced.colours > 0.3 * reduced.luma, "\(plain), \(reduced)")
  #expect(reduced.near > plain.near + 0.1 && plain.far < 0.25 && reduced.far > 0.4, "\(plain), \(reduced)")
}

@Test func cameraNoiseIsThatOfTheWholeLumaInGreyPictures() throws {
  let grey = Image(width: 48, height: 40, channelCount: 1, pixels: [Float](repeating: 0.4, count: 48 * 40))
  let noisy = try Degradation("camera1600").applied(to: grey, seed: 2)
  #expect(noisy.channelCount == 1 && noisy.pixels != grey.pixels)
  #expect(
    noisy.pixels.allSatisfy { (0...1).contains($0) && ($0 * 255 - ($0 * 255).rounded()).magnitude < 1e-3 })
}

private let pairs = project.deletingLastPathComponent().appendingPathComponent("shared/data/polyu/train")

/// Noise added to the means of real pairs has the strength and the correlations of their noise. Some pairs
/// also differ by light and by motion, so medians are compared, and luma by high frequencies.
@Test(.enabled(if: FileManager.default.fileExists(atPath: pairs.path)))
func cameraNoiseIsThatOfRealPairs() throws {
  struct Statistics {
    var byLevel: [[Double]] = [[], [], [], []]
    var luma: [Double] = []
    var chroma1: [Double] = []
    var chroma2: [Double] = []

    mutating func add(_ noisy: Image, _ clean: Image) {
      let noise = difference(noisy, clean)
      let area = clean.width * clean.height
      let luma = (0..<area).map { 0.299 * noise[0][$0] + 0.587 * noise[1][$0] + 0.114 * noise[2][$0] }
      let red = zip(noise[0], luma).map { $0 - $1 }
      self.luma.append(correlation(luma, width: clean.width, lag: 1))
      chroma1.append(correlation(red, width: clean.width, lag: 1))
      chroma2.append(correlation(red, width: clean.width, lag: 2))
      var levels: [[Double]] = [[], [], [], []]
      for i in 0..<area { levels[min(3, Int(clean.pixels[area + i] * 4))].append(noise[1][i]) }
      for (level, values) in levels.enumerated() where values.count > 2000 {
        byLevel[level].append(deviation(values))
      }
    }
    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
    static func spread(_ values: [Double]) -> ClosedRange<Double> {
      let sorted = values.sorted()
      return sorted[sorted.count / 10]...sorted[sorted.count - 1 - sorted.count / 10]
    }
  }
  var (real, own) = (Statistics(), Statistics())
  // The pairs are JPEGs of the highest quality.
  let camera = try Degradation("camera400-3200+jpegfull98")
  let files = try FileManager.default.contentsOfDirectory(atPath: pairs.path).filter {
    $0.hasSuffix("_mean.jpg")
  }
  for (index, file) in files.sorted().enumerated() {
    func part(_ name: String) throws -> Image {
      let image = try ImageFile.read(pairs.appendingPathComponent(name).path)
      var pixels: [Float] = []
      let (left, top, side) = (image.width * 2 / 5, image.height * 2 / 5, 320)
      for channel in 0..<3 {
        for y in top..<(top + side) {
          let start = (channel * image.height + y) * image.width + left
          pixels += image.pixels[start..<(start + side)]
        }
      }
      return Image(width: side, height: side, channelCount: 3, pixels: pixels)
    }
    let clean = try part(file)
    real.add(try part(file.replacingOccurrences(of: "_mean", with: "_Real")), clean)
    own.add(camera.applied(to: clean, seed: UInt64(index)), clean)
  }
  #expect(Statistics.spread(real.luma).contains(Statistics.median(own.luma)))
  #expect(Statistics.spread(real.chroma1).contains(Statistics.median(own.chroma1)))
  #expect(Statistics.spread(real.chroma2).contains(Statistics.median(own.chroma2)))
  for level in 0..<4 where real.byLevel[level].count > 5 && own.byLevel[level].count > 5 {
    let (theirs, ours) = (real.byLevel[level], own.byLevel[level])
    #expect(Statistics.spread(theirs).contains(Statistics.median(ours)), "level \(level)")
  }
}
