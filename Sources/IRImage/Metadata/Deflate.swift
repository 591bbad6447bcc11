import CZlib

/// zlib's format, as PNG's chunks hold it.
enum Deflate {
  /// The text of a compressed chunk; nil if it is damaged or longer than `limit`. Memory grows with what
  /// comes out, a part at a time.
  static func inflated(_ bytes: ArraySlice<UInt8>, limit: Int) -> [UInt8]? {
    var stream = z_stream()
    guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var source = Array(bytes)
    var result: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 14)
    return source.withUnsafeMutableBufferPointer { input in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      while true {
        let partCount = part.count
        let status = part.withUnsafeMutableBufferPointer { output in
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(partCount)
          return CZlib.inflate(&stream, Z_NO_FLUSH)
        }
        let made = partCount - Int(stream.avail_out)
        guard status == Z_OK || status == Z_STREAM_END, result.count + made <= limit else { return nil }
        result += part[..<made]
        if status == Z_STREAM_END { return result }
        if made == 0 { return nil }
      }
    }
  }

  static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: Int(compressBound(UInt(bytes.count))))
    var count = UInt(result.count)
    guard compress2(&result, &count, bytes, UInt(bytes.count), 9) == Z_OK else { return [] }
    return Array(result[..<Int(count)])
  }

  /// The checksum of a PNG chunk.
  static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    bigEndianBytes(Int(crc32(0, bytes, UInt32(bytes.count))), 4)
  }
}
