/// A picture in memory of somebody else's, interleaved or in planes as its strides say. Whole numbers go from
/// 0 to their largest, floats from 0 to 1 and beyond.
public struct PixelBuffer {
  /// Bytes from a sample to the next one of another row, pixel and channel; they may be negative.
  public struct Strides: Hashable, Sendable {
    public var row: Int
    public var pixel: Int
    public var channel: Int

    public init(row: Int, pixel: Int, channel: Int) {
      self.row = row
      self.pixel = pixel
      self.channel = channel
    }
  }

  public static let sideLimit = 65_500
  public static let pixelLimit = 400_000_000

  public let data: UnsafeMutableRawPointer
  public let width: Int
  public let height: Int
  /// 1 grey, 2 grey and alpha, 3 red, green and blue, 4 these and alpha.
  public let channelCount: Int
  public let format: Image.SampleFormat
  public let strides: Strides

  /// The memory must stay as long as the buffer is used, and every sample must lie in it.
  /// - Throws: `ImageError.mismatch` for sides and channels that no picture has.
  public init(
    _ data: UnsafeMutableRawPointer, width: Int, height: Int, channelCount: Int, format: Image.SampleFormat,
    strides: Strides
  ) throws(ImageError) {
    guard (1...Self.sideLimit).contains(width), (1...Self.sideLimit).contains(height),
      width * height <= Self.pixelLimit
    else {
      throw .mismatch(
        detail: "a picture of \(width)×\(height) pixels: sides are 1 to \(Self.sideLimit), pixels at most "
          + "\(Self.pixelLimit)")
    }
    guard (1...4).contains(channelCount) else {
      throw .mismatch(
        detail: "a picture of \(channelCount) channels: 1 is grey, 3 is colour, 2 and 4 have alpha")
    }
    self.data = data
    self.width = width
    self.height = height
    self.channelCount = channelCount
    self.format = format
    self.strides = strides
  }

  private var hasAlpha: Bool { channelCount % 2 == 0 }
  private var colourCount: Int { hasAlpha ? channelCount - 1 : channelCount }

  /// A copy as a picture without metadata.
  public var image: Image {
    Image(
      width: width, height: height, channelCount: colourCount, pixels: planes(0..<colourCount),
      alpha: hasAlpha ? planes(colourCount..<channelCount) : nil, sampleFormat: format)
  }

  private func planes(_ channels: Range<Int>) -> [Float] {
    switch format {
    case .uint8: planes(channels, UInt8.self) { Float($0) / 255 }
    case .uint16: planes(channels, UInt16.self) { Float($0) / 65_535 }
    case .float32: planes(channels, Float.self) { $0 }
    }
  }

  private func planes<T: BitwiseCopyable>(
    _ channels: Range<Int>, _: T.Type, _ value: (T) -> Float
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: channels.count * width * height) { target, count in
      for channel in channels {
        for row in 0..<height {
          var source = channel * strides.channel + row * strides.row
          for _ in 0..<width {
            let sample = data.loadUnaligned(fromByteOffset: source, as: T.self)
            target.initializeElement(at: count, to: value(sample))
            count += 1
            source += strides.pixel
          }
        }
      }
    }
  }

  /// Stores a picture, whole numbers rounded to nearest and clipped; where it has no alpha, that of the
  /// buffer stays.
  /// - Throws: `ImageError.mismatch` if sizes or colours differ.
  public func store(_ image: Image) throws(ImageError) {
    guard image.width == width, image.height == height, image.channelCount == colourCount else {
      throw .mismatch(
        detail:
          "a picture of \(image.width)×\(image.height) pixels and \(image.channelCount) colours for memory of "
          + "\(width)×\(height) and \(colourCount)")
    }
    store(image.pixels, at: 0)
    if hasAlpha, let alpha = image.alpha { store(alpha, at: colourCount) }
  }

  private func store(_ planes: [Float], at channel: Int) {
    func whole<T: FixedWidthInteger & UnsignedInteger>(_ value: Float, _: T.Type) -> T {
      let level = (value * Float(T.max)).rounded(.toNearestOrAwayFromZero)
      // Not a number is black.
      return level > 0 ? T(min(level, Float(T.max))) : 0
    }
    switch format {
    case .uint8: store(planes, at: channel) { whole($0, UInt8.self) }
    case .uint16: store(planes, at: channel) { whole($0, UInt16.self) }
    case .float32: store(planes, at: channel) { $0 }
    }
  }

  private func store<T: BitwiseCopyable>(_ planes: [Float], at channel: Int, _ sample: (Float) -> T) {
    var index = 0
    for plane in 0..<(planes.count / (width * height)) {
      for row in 0..<height {
        var target = (channel + plane) * strides.channel + row * strides.row
        for _ in 0..<width {
          data.storeBytes(of: sample(planes[index]), toByteOffset: target, as: T.self)
          index += 1
          target += strides.pixel
        }
      }
    }
  }
}

extension Image {
  /// A picture of interleaved red, green, blue and alpha, 8 bits each, a row every `bytesPerRow` bytes.
  /// - Throws: `ImageError.mismatch` for sizes that no picture has or that the bytes do not hold.
  public init(
    rgba8 bytes: UnsafeRawBufferPointer, width: Int, height: Int, bytesPerRow: Int? = nil
  ) throws(ImageError) {
    // The sides are checked before anything is computed of them.
    guard let start = bytes.baseAddress, (1...PixelBuffer.sideLimit).contains(width),
      (1...PixelBuffer.sideLimit).contains(height)
    else { throw .mismatch(detail: "a picture of \(width)×\(height) pixels in \(bytes.count) bytes") }
    let row = bytesPerRow ?? 4 * width
    guard row >= 4 * width, row <= bytes.count, (height - 1) * row + 4 * width <= bytes.count else {
      throw .mismatch(
        detail: "a picture of \(width)×\(height) pixels in \(bytes.count) bytes, \(row) a row")
    }
    self =
      try PixelBuffer(
        UnsafeMutableRawPointer(mutating: start), width: width, height: height, channelCount: 4,
        format: .uint8, strides: .init(row: row, pixel: 4, channel: 1)
      ).image
  }
}
