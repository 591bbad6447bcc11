import Foundation
import Testing

@testable import IRImage

@Suite struct EncodingTests {
  /// The bytes are those of a file that `write` makes, and libvips reads the samples that were put in.
  @Test(arguments: ["png", "tif", "ppm"]) func bytesAreThePicture(suffix: String) throws {
    let pixels = (0..<1800).map { (index: Int) -> Float in Float(index * 31 % 256) / 255 }
    let image = Image(width: 30, height: 20, channelCount: 3, pixels: pixels)
    let bytes = try ImageFile.encoded(image, as: suffix)
    let found = try ImageFile.read(bytes: bytes, name: "bytes")
    #expect(found.width == 30 && found.height == 20)
    for (sample, expected) in zip(found.pixels, pixels) { #expect(abs(sample - expected) < 1e-6) }
  }

  @Test(arguments: ["exe", "", "a/b.png", "/png"]) func otherExtensionsAreRefused(suffix: String) {
    let image = Image(width: 1, height: 1, channelCount: 1, pixels: [0])
    #expect(throws: ImageError.self) { try ImageFile.encoded(image, as: suffix) }
  }

  /// Bytes have the header of the file that they came from, and begin as files of their extension do.
  @Test(arguments: ["png", "jpg", "tif", "webp", "ppm", "pgm"]) func bytesHaveAHeader(suffix: String) throws {
    let count = suffix == "pgm" ? 1 : 3
    let image = Image(
      width: 30, height: 20, channelCount: count, pixels: [Float](repeating: 0.5, count: count * 600))
    let path = FileManager.default.temporaryDirectory.appending(path: "header-\(UUID()).\(suffix)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ImageFile.write(image, to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(try ImageFile.header(bytes: bytes, name: "bytes") == ImageFile.header(of: path))
    #expect(try ImageFile.header(bytes: bytes, name: "bytes").width == 30)
    #expect(ImageFile.suffix(firstBytes: bytes) == suffix)
    // libvips takes Netpbm headers that end early for those of a pixel, and finds it out as it decodes.
    #expect(throws: ImageError.self) {
      _ = try ImageFile.header(bytes: bytes.prefix(3), name: "bytes")
      _ = try ImageFile.read(bytes: bytes.prefix(3), name: "bytes")
    }
    #expect(ImageFile.suffix(firstBytes: bytes.prefix(1)) == nil)
  }
}
