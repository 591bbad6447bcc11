import CVips
import Foundation
import Testing

@testable import IRImage

/// An animation of two frames of 1 x 1 pixel on a canvas of any size: only the canvas is large.
private func animation(width: Int, height: Int) throws -> Data {
  let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Tools/fuzzing/corpus/image")
  var bytes = [UInt8](try Data(contentsOf: corpus.appending(path: "moving.webp")))
  try #require(bytes[12..<16].elementsEqual("VP8X".utf8))
  for (at, side) in [(24, width), (27, height)] {
    for byte in 0..<3 { bytes[at + byte] = UInt8(truncatingIfNeeded: (side - 1) >> (8 * byte)) }
  }
  return Data(bytes)
}

@Test func aHugeWebPCanvasIsRefusedBeforeItIsAllocated() throws {
  let (width, height) = (16_383, 16_000)
  let bytes = try animation(width: width, height: height)
  let path = FileManager.default.temporaryDirectory.appending(path: "canvas-\(UUID()).webp")
  try bytes.write(to: path)
  defer { try? FileManager.default.removeItem(at: path) }
  let limits = ImageFile.Limits(byteCount: 256 << 20)
  for read in [
    { _ = try ImageFile.read(bytes: bytes, name: "canvas", limits: limits) },
    { _ = try ImageFile.read(path.path, limits: limits) },
    { _ = try ImageFile.header(of: path.path, limits: limits) },
  ] as [() throws -> Void] {
    let error = #expect(throws: ImageError.self, performing: read)
    #expect(error?.description.contains("decoding needs 999 MiB of memory; the limit is 256 MiB") == true)
  }
  #expect(vips_tracked_get_mem_highwater() < width * height * 4)
}

/// libpng allocates what a chunk of text claims to hold, and clears it.
@Test func aChunkThatClaimsMoreThanItsFileIsRefusedBeforeItIsAllocated() throws {
  let path = FileManager.default.temporaryDirectory.appending(path: "chunk-\(UUID()).png").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  let planes = (0..<(3 * 11 * 7)).map { Float($0 % 251) / 251 }
  try ImageFile.write(Image(width: 11, height: 7, channelCount: 3, pixels: planes), to: path)
  var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
  #expect(PNGChunks.defect(PictureBytes(bytes)) == nil)
  _ = try ImageFile.read(bytes: bytes, name: "whole")
  // Behind the header chunk: 1.95 GB of text.
  bytes.insert(contentsOf: [0x74, 0x6F, 0x75, 0x4C] + Array("tEXt".utf8) + [0, 1, 2, 3], at: 33)
  try bytes.write(to: URL(fileURLWithPath: path))
  for read in [
    { _ = try ImageFile.read(bytes: bytes, name: "chunk") }, { _ = try ImageFile.read(path) },
    { _ = try ImageFile.header(of: path) },
  ] as [() throws -> Void] {
    let error = #expect(throws: ImageError.self, performing: read)
    #expect(error?.description.contains("its chunk tEXt claims 1953461580 bytes, of which") == true)
  }
}

@Test(arguments: [false, true])
func webPHeadersSayWhatWasWritten(withAlpha: Bool) throws {
  let (width, height) = (300, 7)
  let planes = (0..<(3 * width * height)).map { Float($0 % 251) / 251 }
  let image = Image(
    width: width, height: height, channelCount: 3, pixels: planes,
    alpha: withAlpha ? Array(planes.prefix(width * height)) : nil)
  let path = FileManager.default.temporaryDirectory.appending(path: "header-\(UUID()).webp").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try ImageFile.write(image, to: path)
  let header = try #require(WebPHeader(try Data(contentsOf: URL(fileURLWithPath: path))))
  #expect(header.width == width && header.height == height)
}

@Test func otherFilesAndStubsHaveNoWebPHeader() {
  #expect(WebPHeader([]) == nil)
  #expect(WebPHeader(Array("RIFF....WEBPVP8X".utf8)) == nil)
  #expect(WebPHeader(Array("RIFF....WEBPJUNK..............".utf8)) == nil)
  // Without an extended header: lossy, then lossless (14 bits a side, the lossless one less than it is).
  #expect(
    WebPHeader(Array("RIFF....WEBPVP8 ....".utf8) + [0, 0, 0, 0x9D, 0x01, 0x2A, 0x2C, 0x41, 0x07, 0x80])
      .map { [$0.width, $0.height] } == [300, 7])
  #expect(
    WebPHeader(Array("RIFF....WEBPVP8L....".utf8) + [0x2F, 0x2B, 0x81, 0x01, 0, 0, 0, 0, 0, 0])
      .map { [$0.width, $0.height] } == [300, 7])
}

/// The files that fuzzing begins with, of every format.
private func corpus() throws -> [URL] {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appending(path: "../../Tools/fuzzing/corpus/image")
  return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
}

@Test func firstBytesSayTheFormat() throws {
  let expected: [String: PictureFormat] = [
    "jpg": .jpeg, "png": .png, "tif": .tiff, "webp": .webp, "avif": .heif, "heic": .heif, "ppm": .ppm,
    "pgm": .ppm, "jxl": .jxl, "bmp": .bmp,
  ]
  var seen: Set<PictureFormat> = []
  for url in try corpus() {
    let format = PictureFormat(firstBytes: try Data(contentsOf: url))
    if let known = expected[url.pathExtension] { #expect(format == known, "\(url.lastPathComponent)") }
    if let format { seen.insert(format) }
  }
  #expect(seen == Set(PictureFormat.allCases))
}

/// A file that is not a photograph is refused by its first bytes. libvips would show it to every decoder that
/// it was built with, blocked ones too: ImageMagick loads a library for each format that it knows to do so.
@Test(arguments: [
  "", "GIF89a", "%PDF-1.7", "<svg xmlns=", "8BPS", "/* XPM */", "SIMPLE  =", "RIFF....AVI ", "P7\n",
])
func otherFilesReachNoDecoder(start: String) throws {
  let bytes = Data(start.utf8) + (start.isEmpty ? Data() : Data(repeating: 0x41, count: 300))
  let path = FileManager.default.temporaryDirectory.appending(path: "other-\(UUID()).png").path
  try bytes.write(to: URL(fileURLWithPath: path))
  defer { try? FileManager.default.removeItem(atPath: path) }
  for read in [
    { _ = try ImageFile.read(bytes: bytes, name: "other") }, { _ = try ImageFile.read(path) },
    { _ = try ImageFile.header(of: path) },
  ] as [() throws -> Void] {
    let error = #expect(throws: ImageError.self, performing: read)
    let text = error?.description ?? ""
    #expect(
      text.hasSuffix(
        start.isEmpty
          ? "it is empty"
          : "its first bytes do not belong to any of JPEG, PNG, TIFF, WebP, HEIF, AVIF, JPEG XL, BMP or PPM"))
  }
  let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
  #expect(!maps.contains("/coders/"))
}
