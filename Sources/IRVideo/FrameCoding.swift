import IRPicture

/// How the frames of a stream are stored: all alike.
package protocol FrameCoding: Sendable {
  var width: Int { get }
  var height: Int { get }
  /// Bytes of a frame, without what stands before it.
  var byteCount: Int { get }

  /// A frame as a picture.
  /// - Precondition: there are `byteCount` bytes.
  func image(_ bytes: [UInt8]) -> Image

  /// A picture as a frame. `original` is the frame that it was made of, where that is stored alike: what did
  /// not change is stored as it was.
  /// - Throws: `VideoError.mismatch` where the picture's sides or colours are others.
  func bytes(_ image: Image, original: [UInt8]?) throws(VideoError) -> [UInt8]

  /// The same for frames of other sides.
  func enlarged(by scale: Int) -> Self
}

extension FrameCoding {
  func check(_ image: Image, colours: Int) throws(VideoError) {
    guard image.width == width, image.height == height, image.channelCount == colours else {
      throw .mismatch(
        "a frame of \(image.width)×\(image.height) pixels and \(image.channelCount) colours for a stream of "
          + "\(width)×\(height) and \(colours)")
    }
  }
}

/// Whole numbers of a stream: 8 bits in a byte, more in two, the lower one first.
struct SampleCoding: Hashable, Sendable {
  var bits: Int

  var largest: Int { 1 << bits - 1 }
  var byteCount: Int { bits > 8 ? 2 : 1 }

  /// `count` samples from an offset in samples, each less `zero` and over `scale`.
  func floats(_ bytes: [UInt8], from offset: Int, count: Int, zero: Float, scale: Float) -> [Float] {
    let factor = 1 / scale
    let limit = largest
    return bytes.withUnsafeBytes { source in
      [Float](unsafeUninitializedCapacity: count) { target, initialized in
        for index in 0..<count {
          let place = (offset + index) * byteCount
          let level =
            byteCount == 1
            ? Int(source[place])
            : min(limit, Int(source[place]) | Int(source[place + 1]) << 8)
          target[index] = (Float(level) - zero) * factor
        }
        initialized = count
      }
    }
  }

  /// Stores `value · scale + zero` of each value, rounded to nearest and clipped, from an offset in samples.
  func store(_ values: [Float], to bytes: inout [UInt8], at offset: Int, zero: Float, scale: Float) {
    let limit = Float(largest)
    bytes.withUnsafeMutableBytes { target in
      for index in values.indices {
        let level = (values[index] * scale + zero).rounded(.toNearestOrAwayFromZero)
        // Not a number is the least.
        let whole = level > 0 ? Int(min(level, limit)) : 0
        let place = (offset + index) * byteCount
        target[place] = UInt8(truncatingIfNeeded: whole)
        if byteCount == 2 { target[place + 1] = UInt8(truncatingIfNeeded: whole >> 8) }
      }
    }
  }
}
