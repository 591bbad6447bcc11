import IRPicture

/// Frames of red, green and blue or of grey without any header, named as ffmpeg names them.
package struct RawFrames: FrameCoding, Hashable {
  package enum Pixels: String, CaseIterable, Sendable {
    case gray, gray16le, rgb24, rgb48le
    /// Planes of green, blue and red.
    case gbrpf32le

    var channelCount: Int {
      switch self {
      case .gray, .gray16le: 1
      case .rgb24, .rgb48le, .gbrpf32le: 3
      }
    }

    var format: Image.SampleFormat {
      switch self {
      case .gray, .rgb24: .uint8
      case .gray16le, .rgb48le: .uint16
      case .gbrpf32le: .float32
      }
    }
  }

  package var width: Int
  package var height: Int
  package var pixels: Pixels

  package init(width: Int, height: Int, pixels: Pixels) {
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }

  private var sampleByteCount: Int {
    switch pixels.format {
    case .uint8: 1
    case .uint16: 2
    case .float32: 4
    }
  }

  package var byteCount: Int { width * height * pixels.channelCount * sampleByteCount }

  /// The offset of a channel and the bytes from one pixel to the next.
  private func place(of channel: Int) -> (start: Int, stride: Int) {
    guard pixels == .gbrpf32le else {
      return (channel * sampleByteCount, pixels.channelCount * sampleByteCount)
    }
    return ([2, 0, 1][channel] * width * height * 4, 4)
  }

  package func enlarged(by scale: Int) -> RawFrames {
    RawFrames(width: scale * width, height: scale * height, pixels: pixels)
  }

  package func image(_ bytes: [UInt8]) -> Image {
    precondition(bytes.count == byteCount)
    let count = width * height
    let white = 1 / pixels.format.white
    let samples = bytes.withUnsafeBytes { source in
      [Float](unsafeUninitializedCapacity: count * pixels.channelCount) { target, initialized in
        for channel in 0..<pixels.channelCount {
          var (place, stride) = place(of: channel)
          for index in 0..<count {
            target[channel * count + index] =
              switch pixels.format {
              case .uint8: Float(source[place]) * white
              case .uint16: Float(UInt16(source[place]) | UInt16(source[place + 1]) << 8) * white
              case .float32: Float(bitPattern: source.loadUnaligned(fromByteOffset: place, as: UInt32.self))
              }
            place += stride
          }
        }
        initialized = target.count
      }
    }
    return Image(
      width: width, height: height, channelCount: pixels.channelCount, pixels: samples,
      sampleFormat: pixels.format)
  }

  package func bytes(_ image: Image, original: [UInt8]?) throws(VideoError) -> [UInt8] {
    try check(image, colours: pixels.channelCount)
    let count = width * height
    let white = pixels.format.white
    var bytes = [UInt8](repeating: 0, count: byteCount)
    bytes.withUnsafeMutableBytes { target in
      for channel in 0..<pixels.channelCount {
        let (start, stride) = place(of: channel)
        for index in 0..<count {
          let value = image.pixels[channel * count + index]
          let place = start + index * stride
          if pixels.format == .float32 {
            target.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: place, as: UInt32.self)
            continue
          }
          let level = (value * white).rounded(.toNearestOrAwayFromZero)
          let whole = level > 0 ? UInt16(min(level, white)) : 0
          target[place] = UInt8(truncatingIfNeeded: whole)
          if sampleByteCount == 2 { target[place + 1] = UInt8(whole >> 8) }
        }
      }
    }
    return bytes
  }
}
