import Foundation
import IRPicture
import Testing

@testable import IRVideo

private let grids: [ChromaGrid?] = [
  nil, ChromaGrid(.everywhere, .everywhere), ChromaGrid(.onFirst, .everywhere),
  ChromaGrid(.onFirst, .between), ChromaGrid(.between, .between), ChromaGrid(.onFirst, .onFirst),
]

private func noise(_ count: Int, _ seed: UInt32) -> [UInt8] {
  var state = seed
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(truncatingIfNeeded: state >> 24)
  }
}

@Suite struct YCbCrTests {
  /// A picture that nothing changed is the frame that it came from, to the bit, whatever the frame held.
  @Test(arguments: grids, [8, 10, 12, 16]) func framesComeBack(grid: ChromaGrid?, bits: Int) throws {
    for (width, height) in [(16, 8), (7, 5), (1, 1), (2, 9)] {
      for matrix in YCbCr.Matrix.allCases {
        for isFull in [false, true] {
          let coding = YCbCr(
            width: width, height: height, chroma: grid, bits: bits, matrix: matrix, isFullRange: isFull)
          var bytes = noise(coding.byteCount, UInt32(width * bits))
          if bits > 8 {
            for index in stride(from: 1, to: bytes.count, by: 2) {
              bytes[index] &= UInt8(1 << (bits - 8) - 1)
            }
          }
          let image = coding.image(bytes)
          #expect(image.channelCount == (grid == nil ? 1 : 3))
          #expect(try coding.bytes(image, original: bytes) == bytes)
          if grid == ChromaGrid(.everywhere, .everywhere) {
            #expect(try coding.bytes(image, original: nil) == bytes)
          }
        }
      }
    }
  }

  /// Colour bars as BT.601 and BT.709 state them for 8 bits of limited range.
  @Test(arguments: [
    (YCbCr.Matrix.bt601, [235, 128, 128], [1.0, 1, 1]), (.bt601, [16, 128, 128], [0, 0, 0]),
    (.bt601, [81, 90, 240], [1, 0, 0]), (.bt601, [145, 54, 34], [0, 1, 0]),
    (.bt601, [41, 240, 110], [0, 0, 1]),
    (.bt709, [63, 102, 240], [1, 0, 0]), (.bt709, [173, 42, 26], [0, 1, 0]),
    (.bt709, [32, 240, 118], [0, 0, 1]),
  ]) func primariesAreThoseOfTheStandards(matrix: YCbCr.Matrix, levels: [Int], colour: [Double]) throws {
    let coding = YCbCr(
      width: 1, height: 1, chroma: ChromaGrid(.everywhere, .everywhere), bits: 8, matrix: matrix,
      isFullRange: false)
    let found = coding.image(levels.map { UInt8($0) })
    for (value, expected) in zip(found.pixels, colour) { #expect(abs(Double(value) - expected) < 0.006) }
    let exact = Image(width: 1, height: 1, channelCount: 3, pixels: colour.map { Float($0) })
    #expect(try coding.bytes(exact, original: nil) == levels.map { UInt8($0) })
  }

  /// A plane that rises by one at each pixel of luma is where its samples say it is.
  @Test(arguments: [(ChromaPlace.onFirst, 0.0), (.between, 0.5), (.everywhere, 0)])
  func chromaLiesWhereItsSiteSays(place: ChromaPlace, offset: Double) {
    let count = 12
    let step = place == .everywhere ? 1.0 : 2.0
    let samples = (0..<place.count(count)).map { Float(Double($0) * step + offset) }
    var spread = [Float](repeating: 0, count: count)
    place.spread({ samples[$0] }, to: count) { spread[$0] = $1 }
    for index in 1..<(count - 2) { #expect(abs(spread[index] - Float(index)) < 1e-5) }
    var gathered = [Float](repeating: 0, count: samples.count)
    place.gather({ Float($0) }, of: count) { gathered[$0] = $1 }
    for index in 1..<(samples.count - 1) { #expect(abs(gathered[index] - samples[index]) < 1e-5) }
  }

  /// Frames of standard definition that become larger are no more what readers take them for.
  @Test func enlargedFramesMayNeedAWord() {
    var coding = YCbCr(
      width: 640, height: 360, chroma: ChromaGrid(.between, .between), bits: 8, matrix: .bt601,
      isFullRange: false)
    #expect(coding.hasUsualMatrix && !coding.enlarged(by: 2).hasUsualMatrix)
    coding.matrix = .bt709
    #expect(!coding.hasUsualMatrix && coding.enlarged(by: 2).hasUsualMatrix)
    coding.chroma = nil
    #expect(coding.hasUsualMatrix)
  }

  @Test func otherSidesAreRefused() {
    let coding = YCbCr(
      width: 4, height: 4, chroma: nil, bits: 8, matrix: .bt601, isFullRange: false)
    for image in [
      Image(width: 4, height: 5, channelCount: 1, pixels: [Float](repeating: 0, count: 20)),
      Image(width: 4, height: 4, channelCount: 3, pixels: [Float](repeating: 0, count: 48)),
    ] { #expect(throws: VideoError.self) { try coding.bytes(image, original: nil) } }
  }

  @Test(arguments: RawFrames.Pixels.allCases) func rawFramesComeBack(pixels: RawFrames.Pixels) throws {
    let frames = RawFrames(width: 5, height: 3, pixels: pixels)
    var bytes = noise(frames.byteCount, 7)
    if pixels == .gbrpf32le {
      bytes = (0..<45).flatMap { index in
        withUnsafeBytes(of: (Float(index) / 31 - 0.2).bitPattern.littleEndian) { Array($0) }
      }
    }
    let image = frames.image(bytes)
    #expect(try frames.bytes(image, original: nil) == bytes)
    // The first pixel's red.
    let red = image.pixels[0]
    switch pixels {
    case .gray, .rgb24: #expect(abs(red - Float(bytes[0]) / 255) < 1e-6)
    case .gray16le, .rgb48le: #expect(abs(red - Float(Int(bytes[0]) + 256 * Int(bytes[1])) / 65_535) < 1e-6)
    case .gbrpf32le: #expect(red == Float(30) / 31 - 0.2)
    }
  }
}
