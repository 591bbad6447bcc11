/// The chunks of a PNG file, as their headers state them. libpng allocates what a chunk of text claims to
/// hold before it reads it, and libvips has it do so without a limit.
struct PNGChunks {
  private static let signatureByteCount = 8
  /// Length and type, and the checksum behind the content.
  private static let headerByteCount = 8, checksumByteCount = 4
  /// Photographs have fewer chunks.
  private static let countLimit = 1 << 20

  /// The defect of the first chunk that does not lie in the file; nil if all do.
  static func defect(_ file: PictureBytes) -> String? {
    var offset = signatureByteCount
    for _ in 0..<countLimit {
      // A file that ends early is the decoder's to judge, and so is such a picture: its rows are read as they
      // come.
      guard let bytes = file.bytes(offset, headerByteCount) else { return nil }
      let claimed = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
      let left = max(0, file.count - offset - headerByteCount - checksumByteCount)
      let type = String(
        decoding: bytes[4...].map { (32..<127).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
      if type == "IDAT", claimed > left { return nil }
      guard claimed <= left else {
        return "its chunk \(type) claims \(claimed) bytes, of which \(left) are there"
      }
      if type == "IEND" { return nil }
      offset += headerByteCount + claimed + checksumByteCount
    }
    return "it has more than \(countLimit) chunks"
  }

  struct Chunk: Hashable {
    var type: String
    /// Its content.
    var range: Range<Int>
    /// With length, type and checksum.
    var whole: Range<Int>
  }

  /// The chunks that lie in the file, up to the end mark.
  static func chunks(in file: PictureBytes) -> [Chunk] {
    var result: [Chunk] = []
    var offset = signatureByteCount
    while result.count < countLimit, let count = file.bigEndian(offset, 4),
      let name = file.bytes(offset + 4, 4)
    {
      let start = offset + headerByteCount
      guard count <= file.count - start else { break }
      offset = start + count + checksumByteCount
      let type = String(decoding: name, as: UTF8.self)
      result.append(
        Chunk(
          type: type, range: start..<(start + count),
          whole: (start - headerByteCount)..<min(offset, file.count)))
      if type == "IEND" { break }
    }
    return result
  }

  static func serialized(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + content
    return bigEndianBytes(content.count, 4) + body + Deflate.checksum(body)
  }

  /// How many frames an animation has; nil for a still picture.
  static func frameCount(_ file: PictureBytes) -> Int? {
    chunks(in: file).first { $0.type == "acTL" }.flatMap { file.bigEndian($0.range.lowerBound, 4) }
  }
}
