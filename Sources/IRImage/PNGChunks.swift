/// The chunks of a PNG file, as their headers state them. libpng allocates what a chunk of text claims to hold
/// before it reads it, and libvips has it do so without a limit.
struct PNGChunks {
  private static let signatureByteCount = 8
  /// Length and type, and the checksum behind the content.
  private static let headerByteCount = 8, checksumByteCount = 4
  /// A file of more chunks than that is none of a photograph.
  private static let countLimit = 1 << 20

  /// What is wrong with the first chunk that does not lie in the file, or nil where all do.
  static func defect(_ file: PictureBytes) -> String? {
    var offset = signatureByteCount
    for _ in 0..<countLimit {
      // What ends early is the decoder's to judge, and so is a picture that does: its rows are read as they come.
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
}
