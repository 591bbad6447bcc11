import IRPicture
import Testing

@Suite struct PixelBufferTests {
  private static let formats: [(format: Image.SampleFormat, byteCount: Int)] = [
    (.uint8, 1), (.uint16, 2), (.float32, 4),
  ]

  /// Any order of the axes, upside down, at an odd address: what is stored is read again, sample by sample.
  @Test(arguments: 1...4) func everyLayoutIsThePicture(channelCount: Int) throws {
    let (width, height) = (5, 3)
    let colours = channelCount % 2 == 0 ? channelCount - 1 : channelCount
    let count = width * height
    // Levels that every format has.
    let pixels = (0..<(colours * count)).map { Float(($0 * 37) % 256) / 255 }
    let alpha = channelCount == colours ? nil : (0..<count).map { Float($0 % 2) }
    let image = Image(
      width: width, height: height, channelCount: colours, pixels: pixels, alpha: alpha)
    for (format, size) in Self.formats {
      let row = size * channelCount * width + 3
      for (start, strides) in [
        (0, PixelBuffer.Strides(row: row, pixel: size * channelCount, channel: size)),
        (0, .init(row: size * width, pixel: size, channel: size * count)),
        ((height - 1) * row, .init(row: -row, pixel: size * channelCount, channel: size)),
      ] {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: height * row + 1, alignment: 1)
        defer { memory.deallocate() }
        let buffer = try PixelBuffer(
          memory + 1 + start, width: width, height: height, channelCount: channelCount, format: format,
          strides: strides)
        try buffer.store(image)
        let found = buffer.image
        let distance = zip(found.pixels + (found.alpha ?? []), pixels + (alpha ?? [])).map { abs($0 - $1) }
          .max()
        #expect(try #require(distance) < 1e-6 && found.sampleFormat == format)
      }
    }
  }

  @Test func wholeNumbersAreRoundedAndClipped() throws {
    var bytes = [UInt8](repeating: 7, count: 6)
    try bytes.withUnsafeMutableBytes { bytes in
      let start = try #require(bytes.baseAddress)
      let buffer = try PixelBuffer(
        start, width: 6, height: 1, channelCount: 1, format: .uint8,
        strides: .init(row: 6, pixel: 1, channel: 1))
      let values: [Float] = [-3, .nan, 0.4999 / 255, 0.5001 / 255, 254.5001 / 255, .infinity]
      try buffer.store(Image(width: 6, height: 1, channelCount: 1, pixels: values))
    }
    #expect(bytes == [0, 0, 0, 1, 255, 255])
  }

  @Test func rgbaOfABitmap() throws {
    // Two pixels, two rows, two bytes between them.
    let bytes: [UInt8] = [255, 0, 0, 255, 0, 255, 0, 128, 9, 9, 0, 0, 255, 0, 51, 102, 153, 255]
    let image = try bytes.withUnsafeBytes { try Image(rgba8: $0, width: 2, height: 2, bytesPerRow: 10) }
    #expect(image.pixels == [1, 0, 0, 0.2, 0, 1, 0, 0.4, 0, 0, 1, 0.6])
    #expect(try #require(image.alpha) == [1, 128 / 255, 0, 1])
    for (width, height, row) in [(0, 1, 4), (2, 2, 7), (2, 3, 8), (65_501, 1, 9), (.max, .max, .max)] {
      #expect(throws: ImageError.self) {
        try bytes.withUnsafeBytes { try Image(rgba8: $0, width: width, height: height, bytesPerRow: row) }
      }
    }
  }
}
