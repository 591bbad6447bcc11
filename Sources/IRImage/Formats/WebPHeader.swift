/// The size of the canvas that a WebP file states in its first bytes (WebP container specification; RFC 6386
/// and the lossless bitstream specification for files without an extended header). libvips allocates the
/// whole canvas as it opens a file, before anyone can ask it how large that is.
struct WebPHeader: Hashable {
  /// The bytes of a file that are looked at.
  static let byteCount = 30
  /// Bytes of libvips' canvas: RGBA.
  static let byteCountPerPixel = 4

  var width: Int
  var height: Int

  /// nil if these are not the first bytes of a WebP file.
  init?(_ bytes: some Collection<UInt8>) {
    let bytes = Array(bytes.prefix(Self.byteCount))
    guard bytes.count == Self.byteCount, bytes[0..<4].elementsEqual("RIFF".utf8),
      bytes[8..<12].elementsEqual("WEBP".utf8)
    else { return nil }
    func number(_ at: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
    switch String(decoding: bytes[12..<16], as: UTF8.self) {
    case "VP8X":
      (width, height) = (number(24, 3) + 1, number(27, 3) + 1)
    case "VP8L":
      let sizes = number(21, 4)
      (width, height) = ((sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1)
    case "VP8 ":
      (width, height) = (number(26, 2) & 0x3FFF, number(28, 2) & 0x3FFF)
    default: return nil
    }
  }
}
