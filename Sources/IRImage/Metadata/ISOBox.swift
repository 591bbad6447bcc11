/// A box of an ISO base media file (ISO/IEC 14496-12), as HEIF, AVIF and JPEG XL files are made of.
struct ISOBox: Hashable {
  var type: String
  /// The content behind its header.
  var range: Range<Int>
  var whole: Range<Int>

  private static let countLimit = 1 << 14

  /// The boxes of a range, one after another, as far as they lie in it.
  static func boxes(in range: Range<Int>, of file: PictureBytes) -> [ISOBox] {
    var result: [ISOBox] = []
    var offset = range.lowerBound
    while offset + 8 <= range.upperBound, result.count < countLimit, let short = file.bigEndian(offset, 4),
      let name = file.bytes(offset + 4, 4)
    {
      var (size, header) = (short, 8)
      if short == 1 {
        // 8 bytes, of which no file needs the first.
        guard file.bytes(offset + 8, 1) == [0], let long = file.bigEndian(offset + 9, 7) else { break }
        (size, header) = (long, 16)
      } else if short == 0 {
        size = range.upperBound - offset
      }
      guard size >= header, size <= range.upperBound - offset else { break }
      result.append(
        ISOBox(
          type: String(decoding: name, as: UTF8.self), range: (offset + header)..<(offset + size),
          whole: offset..<(offset + size)))
      offset += size
    }
    return result
  }

  static func boxes(of file: PictureBytes) -> [ISOBox] { boxes(in: 0..<file.count, of: file) }

  /// The boxes inside, behind so many bytes of the content.
  func children(of file: PictureBytes, skipping count: Int = 0) -> [ISOBox] {
    guard count <= range.count else { return [] }
    return Self.boxes(in: (range.lowerBound + count)..<range.upperBound, of: file)
  }

  /// The first box at the end of a path of types.
  static func first(_ path: [String], in boxes: [ISOBox], of file: PictureBytes) -> ISOBox? {
    guard let name = path.first, let box = boxes.first(where: { $0.type == name }) else { return nil }
    return path.count == 1 ? box : first(Array(path.dropFirst()), in: box.children(of: file), of: file)
  }

  static func serialized(_ type: String, _ content: [UInt8]) -> [UInt8] {
    bigEndianBytes(content.count + 8, 4) + Array(type.utf8) + content
  }
}

/// How many pictures a file holds that a brand calls a sequence.
enum PictureSequence {
  /// The count of the first track's samples; nil if the file is not a sequence.
  static func frameCount(_ file: PictureBytes) -> Int? {
    let boxes = ISOBox.boxes(of: file)
    guard let brand = boxes.first, brand.type == "ftyp",
      ["avis", "msf1", "hevc", "hevx", "hevm", "hevs"].contains(where: {
        file.reads($0, at: brand.range.lowerBound)
      }),
      let sizes = ISOBox.first(["moov", "trak", "mdia", "minf", "stbl", "stsz"], in: boxes, of: file)
    else { return nil }
    return file.bigEndian(sizes.range.lowerBound + 8, 4)
  }
}
