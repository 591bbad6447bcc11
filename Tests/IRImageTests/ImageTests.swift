import Foundation
import IRTensor
import Testing

@testable import IRImage

/// The check pair of the metrics: a blurred noise picture and the same with more noise.
enum CheckPair {
  static func mix(_ x: UInt64) -> UInt64 {
    var z = x &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  static func u(_ k: UInt64, _ j: Int) -> Double { Double(mix(k << 32 &+ UInt64(j)) >> 40) / Double(1 << 24) }

  static let (height, width) = (48, 64)

  static let reference: Image = {
    let raw = (0..<(3 * height * width)).map { u(0xFFFFF, $0) }
    var pixels: [Float] = []
    for c in 0..<3 {
      for y in 0..<height {
        for x in 0..<width {
          var sum = 0.0
          for dy in -2...2 {
            for dx in -2...2 {
              let (yy, xx) = (min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1))
              sum += raw[(c * height + yy) * width + xx]
            }
          }
          pixels.append(Float(sum / 25))
        }
      }
    }
    return Image(width: width, height: height, channelCount: 3, pixels: pixels)
  }()

  static let noisy: Image = {
    let pixels = reference.pixels.enumerated().map { index, value in
      Float(min(max(Double(value) + 0.1 * (2 * u(0xFFFFE, index) - 1), 0), 1))
    }
    return Image(width: width, height: height, channelCount: 3, pixels: pixels)
  }()
}

@Test func metricsAgreeWithThePublishedProtocols() throws {
  let (a, b) = (CheckPair.reference, CheckPair.noisy)
  #expect(abs(try psnr(b, a, MetricProtocol(values: .float)) - 24.76085) < 1e-4)
  #expect(abs(try psnr(b, a, MetricProtocol(values: .uint8)) - 24.75793) < 1e-4)
  #expect(abs(try psnr(b, a, MetricProtocol(colour: .luma, values: .uint8)) - 29.69400) < 1e-4)
  func rounded(_ image: Image) -> Image {
    image.replacing(pixels: image.pixels.map { ($0 * 255).rounded() / 255 }, channelCount: 3)
  }
  let lumaOfBytes = try psnr(rounded(b), rounded(a), MetricProtocol(colour: .luma, values: .float))
  #expect(abs(lumaOfBytes - 29.70395) < 1e-4)
  let float = MetricProtocol(values: .float)
  #expect(abs(try ssim(b, a, variant: .uniform7, float) - 0.61271) < 2e-5)
  #expect(abs(try ssim(b, a, variant: .gaussianSample, float) - 0.56768) < 2e-5)
  #expect(abs(try ssim(b, a, variant: .gaussian, float) - 0.56813) < 2e-5)
  let luma = MetricProtocol(colour: .luma, values: .float)
  #expect(abs(try ssim(rounded(b), rounded(a), variant: .gaussian, luma) - 0.67405) < 2e-4)
  #expect(abs(try ssim(b, a, variant: .gaussian3D, MetricProtocol(values: .uint8)) - 0.66337) < 2e-5)
  #expect(try psnr(a, a) == .infinity)
}

func temporaryFolder() throws -> String {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  return path
}

@Test(arguments: ["png", "tif", "webp", "jpg"], [Image.SampleFormat.uint8, .uint16, .float32])
func imagesSurviveAFile(suffix: String, format: Image.SampleFormat) throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  var image = CheckPair.reference
  image.sampleFormat = format
  image.alpha = (0..<(image.width * image.height)).map { Float($0 % 256) / 255 }
  let path = "\(folder)/picture.\(suffix)"
  try ImageFile.write(image, to: path)
  let read = try ImageFile.read(path)
  #expect(read.width == image.width && read.height == image.height && read.channelCount == 3)
  let isLossy = suffix == "jpg" || suffix == "webp"
  let step: Float = isLossy ? 0.2 : (read.sampleFormat == .uint8 ? 0.5 / 255 : 0.5 / 65535) + 1e-6
  for (a, b) in zip(read.pixels, image.pixels) { #expect(abs(a - b) <= step) }
  #expect((read.alpha != nil) == (suffix != "jpg"))
  if suffix == "tif" { #expect(read.sampleFormat == format) }
  #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["picture.\(suffix)"])
}

@Test func greyStaysGrey() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let image = Image(width: 3, height: 1, channelCount: 1, pixels: [0, 0.5, 1], sampleFormat: .uint16)
  try ImageFile.write(image, to: "\(folder)/grey.png")
  let read = try ImageFile.read("\(folder)/grey.png")
  #expect(read.channelCount == 1 && read.sampleFormat == .uint16)
  #expect(abs(read.pixels[1] - 0.5) < 1e-4)
}

@Test func damagedFilesAreRefusedWithASentence() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let path = "\(folder)/picture.png"
  try ImageFile.write(CheckPair.noisy, to: path)
  let whole = try Data(contentsOf: URL(fileURLWithPath: path))
  for count in stride(from: 0, to: whole.count - 16, by: max(1, whole.count / 40)) {
    try whole.prefix(count).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: ImageError.self) { try ImageFile.read(path) }
    #expect(error?.description.contains(path) == true)
  }
  #expect(throws: ImageError.self) { try ImageFile.read("\(folder)/none.png") }
  #expect(throws: ImageError.self) { try ImageFile.write(CheckPair.noisy, to: "\(folder)/a.xyz") }
  #expect(throws: ImageError.self) { try ImageFile.write(CheckPair.noisy, to: "\(folder)/none/a.png") }
}

@Test func limitsAreCheckedBeforeDecoding() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try ImageFile.write(CheckPair.noisy, to: "\(folder)/a.png")
  var limits = ImageFile.Limits()
  limits.pixelCount = 100
  let error = #expect(throws: ImageError.self) { try ImageFile.read("\(folder)/a.png", limits: limits) }
  #expect(error?.description.contains("64×48 pixels are more than 100 pixels") == true)
}

@Test func reflectionMirrorsWithoutTheEdge() {
  let row = Tensor([Float(1), 2, 3], shape: [1, 1, 1, 3])
  #expect(row.reflectPadded(toMultipleOf: 8).shape == [1, 1, 8, 8])
  #expect(Array(row.reflectPadded(toMultipleOf: 8).floats.prefix(8)) == [1, 2, 3, 2, 1, 2, 3, 2])
  #expect(row.reflectPadded(toMultipleOf: 8).cropped(height: 1, width: 3) == row)
}
