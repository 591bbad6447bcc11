/// A directory of a TIFF, or of EXIF, which is one: entries by tag, and the directories that some point to.
/// libvips carries EXIF through every format but TIFF; this is what that takes.
struct TIFFDirectory {
  struct Entry {
    var type: Int
    var count: Int
    /// The value, each number little-endian.
    var bytes: [UInt8]
  }

  var entries: [Int: Entry] = [:]
  var children: [Int: TIFFDirectory] = [:]

  /// EXIF's own entries, the position, and what EXIF says of interoperability.
  static let childTags: Set<Int> = [0x8769, 0x8825, 0xA005]
  /// Description, make, model, software, date, artist, copyright: what describes the photograph, not the file.
  static let descriptiveTags: Set<Int> = [0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298]
  private static let byteCountLimit = 8 << 20

  /// Bytes a number, and how many of them change places between the byte orders; nil for unknown types.
  static func layout(_ type: Int) -> (size: Int, unit: Int)? {
    switch type {
    case 1, 2, 6, 7: (1, 1)
    case 3, 8: (2, 2)
    case 4, 9, 11, 13: (4, 4)
    case 5, 10: (8, 4)
    case 12: (8, 8)
    default: nil
    }
  }

  init() {}

  /// Reads a directory; entries of unknown types or outside the bytes are left out.
  init(_ reader: TIFFReader, at offset: Int, depth: Int = 3) {
    guard let count = reader.number(offset, 2), count <= 4096 else { return }
    for index in 0..<count {
      let place = offset + 2 + 12 * index
      guard let tag = reader.number(place, 2), let type = reader.number(place + 2, 2),
        let length = reader.number(place + 4, 4), let target = reader.number(place + 8, 4),
        let (size, unit) = Self.layout(type), length <= Self.byteCountLimit / size
      else { continue }
      if Self.childTags.contains(tag) {
        if depth > 1 { children[tag] = TIFFDirectory(reader, at: target, depth: depth - 1) }
        continue
      }
      let byteCount = size * length
      guard let value = reader.bytes(byteCount <= 4 ? place + 8 : target, byteCount, unit: unit) else {
        continue
      }
      entries[tag] = Entry(type: type, count: length, bytes: value)
    }
  }

  /// The directory's bytes, placed at `offset` of a file, with what it points to behind it.
  func serialized(at offset: Int, isLittleEndian: Bool) -> [UInt8] {
    let tags = (Array(entries.keys) + Array(children.keys)).sorted()
    var body: [UInt8] = []
    var rows: [UInt8] = []
    let bodyStart = offset + 2 + 12 * tags.count + 4
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return isLittleEndian ? bytes : bytes.reversed()
    }
    for tag in tags {
      if let child = children[tag] {
        if (bodyStart + body.count) % 2 == 1 { body.append(0) }
        rows += number(tag, 2) + number(4, 2) + number(1, 4) + number(bodyStart + body.count, 4)
        body += child.serialized(at: bodyStart + body.count, isLittleEndian: isLittleEndian)
      } else if let entry = entries[tag], let (_, unit) = Self.layout(entry.type) {
        let value = isLittleEndian ? entry.bytes : swapped(entry.bytes, unit: unit)
        rows += number(tag, 2) + number(entry.type, 2) + number(entry.count, 4)
        if value.count <= 4 {
          rows += value + [UInt8](repeating: 0, count: 4 - value.count)
        } else {
          if (bodyStart + body.count) % 2 == 1 { body.append(0) }
          rows += number(bodyStart + body.count, 4)
          body += value
        }
      }
    }
    return number(tags.count, 2) + rows + number(0, 4) + body
  }
}

/// Numbers of a TIFF in its byte order; every offset is checked.
struct TIFFReader {
  let isLittleEndian: Bool
  private let file: PictureBytes

  /// Nil where the first bytes are no classic TIFF's.
  init?(_ file: PictureBytes) {
    switch file.bytes(0, 4) {
    case [0x49, 0x49, 0x2A, 0]: isLittleEndian = true
    case [0x4D, 0x4D, 0, 0x2A]: isLittleEndian = false
    default: return nil
    }
    self.file = file
  }

  func number(_ offset: Int, _ count: Int) -> Int? {
    file.bytes(offset, count).map { bytes in
      (isLittleEndian ? bytes.reversed() : bytes).reduce(0) { $0 << 8 | Int($1) }
    }
  }

  /// Bytes with each number little-endian.
  func bytes(_ offset: Int, _ count: Int, unit: Int) -> [UInt8]? {
    file.bytes(offset, count).map { isLittleEndian ? $0 : swapped($0, unit: unit) }
  }
}

private func swapped(_ bytes: [UInt8], unit: Int) -> [UInt8] {
  guard unit > 1 else { return bytes }
  return stride(from: 0, to: bytes.count, by: unit).flatMap {
    bytes[$0..<min($0 + unit, bytes.count)].reversed()
  }
}
