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
}
