import IRTensor

/// A directory of a TIFF, or of EXIF, which is one: entries by tag, and the directories that some point to.
struct TIFFDirectory {
  typealias Entry = TIFFEntry

  var entries: [Int: Entry] = [:]
  var children: [Int: TIFFDirectory] = [:]

  /// EXIF's own entries, the position, and what EXIF says of interoperability.
  static let childTags: Set<Int> = [0x8769, 0x8825, 0xA005]
  static let makerNote = 0x927C
  /// Tags that EXIF has a place for in its first directory: description, make, model, software, date, artist,
  /// copyright, names of document and page, rating, and what Windows shows.
  static let descriptiveTags: Set<Int> = [
    0x010D, 0x010E, 0x010F, 0x0110, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C, 0x4746, 0x4749, 0x8298, 0x9C9B,
    0x9C9C,
    0x9C9D, 0x9C9E, 0x9C9F,
  ]
  /// Tags that say where each pixel lies on the earth.
  static let geographicTags: Set<Int> = [0x830E, 0x8480, 0x8482, 0x85D8, 0x87AF, 0x87B0, 0x87B1]
  static let geographicName = "geographic tags"
  /// How the pixels are stored, and what is stated elsewhere: XMP, IPTC, Photoshop's resources, ICC.
  static let storageTags: Set<Int> = [
    0x00FE, 0x00FF, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109, 0x010A, 0x0111, 0x0112,
    0x0115,
    0x0116, 0x0117, 0x0118, 0x0119, 0x011A, 0x011B, 0x011C, 0x0120, 0x0121, 0x0122, 0x0123, 0x0124, 0x0125,
    0x0128,
    0x012D, 0x013D, 0x0140, 0x0141, 0x0142, 0x0143, 0x0144, 0x0145, 0x014A, 0x0152, 0x0153, 0x0154, 0x0155,
    0x0156,
    0x0157, 0x015A, 0x015B, 0x0200, 0x0201, 0x0202, 0x0203, 0x0205, 0x0206, 0x0207, 0x0208, 0x0209, 0x0211,
    0x0212,
    0x0213, 0x0214, 0x02BC, 0x8773, 0x83BB, 0x8649, 0x80E3, 0x80E4, 0x80E5, 0x80E6,
  ]
  /// Layers of Photoshop show the picture as it was; page numbers and ink sets hold for the file that was
  /// read.
  static let derivedTags: Set<Int> = [0x935C, 0x0129, 0x014C, 0x014D, 0x014E, 0x0150, 0x0151]
  private static let byteCountLimit = 8 << 20

  /// Bytes a number, and how many of them change places between the byte orders; nil for unknown types.
  static func layout(_ type: Int) -> (size: Int, unit: Int)? {
    switch type {
    case 1, 2, 6, 7: (1, 1)
    case 3, 8: (2, 2)
    case 4, 9, 11, 13: (4, 4)
    case 5, 10: (8, 4)
    case 12, 16, 17, 18: (8, 8)
    default: nil
    }
  }

  init() {}

  /// Reads a directory; entries of unknown types or outside the bytes are left out.
  init(_ reader: TIFFReader, at offset: Int, depth: Int = 3) {
    guard let rows = reader.entries(at: offset)?.entries else { return }
    var left = 4 * Self.byteCountLimit
    for row in rows {
      guard let (size, unit) = Self.layout(row.type), row.count <= Self.byteCountLimit / size else {
        continue
      }
      if Self.childTags.contains(row.tag) {
        if depth > 1, children[row.tag] == nil {
          children[row.tag] = TIFFDirectory(reader, at: row.target, depth: depth - 1)
        }
        continue
      }
      let byteCount = size * row.count
      guard entries[row.tag] == nil, byteCount <= left,
        let value = reader.bytes(row.value, byteCount, unit: unit)
      else { continue }
      left -= byteCount
      entries[row.tag] = Entry(type: row.type, count: row.count, bytes: value)
    }
  }

  /// The directory of an EXIF block, with its children; without its thumbnail.
  init(exif block: [UInt8]) {
    guard let reader = TIFFReader(PictureBytes(ExifBlock.withoutPrefix(block))),
      let start = reader.firstDirectory
    else {
      self.init()
      return
    }
    self.init(reader, at: start)
  }

  /// As an EXIF block; a maker note is placed where it says.
  func block(noteAt place: Int? = nil) -> [UInt8] {
    var head: [UInt8] = []
    var placed: [Int: Int] = [:]
    if let place, let note = children[0x8769]?.entries[Self.makerNote], note.bytes.count > 4, place >= 8 {
      head = Self.gap(upTo: place, holding: note.bytes)
      placed[Self.makerNote] = place
    }
    let start = 8 + head.count
    return [0x49, 0x49, 0x2A, 0] + littleEndianBytes(start, 4) + head
      + serialized(at: start, isLittleEndian: true, placed: placed)
  }

  /// Bytes between the header of 8 bytes and everything else, so that a value stands at its place.
  static func gap(upTo place: Int, holding bytes: some Collection<UInt8>) -> [UInt8] {
    let end = (place - 8 + bytes.count).roundedUp(toMultipleOf: 16)
    return [UInt8](repeating: 0, count: place - 8) + bytes
      + [UInt8](repeating: 0, count: end - (place - 8) - bytes.count)
  }

  /// The directory's bytes, placed at `offset` of a file, with what it points to behind it; values in
  /// `placed` lie there already.
  func serialized(at offset: Int, isLittleEndian: Bool, placed: [Int: Int] = [:]) -> [UInt8] {
    let tags = (Array(entries.keys) + Array(children.keys)).sorted()
    var body: [UInt8] = []
    var rows: [UInt8] = []
    let bodyStart = offset + 2 + 12 * tags.count + 4
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      isLittleEndian ? littleEndianBytes(value, count) : bigEndianBytes(value, count)
    }
    for tag in tags {
      if let child = children[tag] {
        if (bodyStart + body.count) % 2 == 1 { body.append(0) }
        rows += number(tag, 2) + number(4, 2) + number(1, 4) + number(bodyStart + body.count, 4)
        body += child.serialized(at: bodyStart + body.count, isLittleEndian: isLittleEndian, placed: placed)
      } else if let entry = entries[tag], let (_, unit) = Self.layout(entry.type) {
        let value = isLittleEndian ? entry.bytes : swapped(entry.bytes, unit: unit)
        rows += number(tag, 2) + number(entry.type, 2) + number(entry.count, 4)
        if value.count <= 4 {
          rows += value + [UInt8](repeating: 0, count: 4 - value.count)
        } else if let place = placed[tag] {
          rows += number(place, 4)
        } else {
          if (bodyStart + body.count) % 2 == 1 { body.append(0) }
          rows += number(bodyStart + body.count, 4)
          body += value
        }
      }
    }
    return number(tags.count, 2) + rows + number(0, 4) + body
  }

  mutating func set(_ tag: Int, shorts values: [Int]) {
    entries[tag] = Entry(type: 3, count: values.count, bytes: values.flatMap { littleEndianBytes($0, 2) })
  }

  mutating func set(_ tag: Int, rational value: Double) {
    let (numerator, denominator) = Resolution.rational(value)
    entries[tag] = Entry(
      type: 5, count: 1, bytes: littleEndianBytes(numerator, 4) + littleEndianBytes(denominator, 4))
  }

  /// Bytes as TIFF's BYTE, or UNDEFINED.
  mutating func set(_ tag: Int, bytes: [UInt8], type: Int = 1) {
    entries[tag] = Entry(type: type, count: bytes.count, bytes: bytes)
  }

  /// The whole numbers of an entry.
  func numbers(_ tag: Int) -> [Int] {
    guard let entry = entries[tag], let size = Self.layout(entry.type)?.size, [1, 3, 4].contains(entry.type)
    else {
      return []
    }
    return stride(from: 0, to: entry.bytes.count, by: size).map { start in
      entry.bytes[start..<(start + size)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
  }

  /// The rational numbers of an entry; none where a denominator is 0.
  func rationals(_ tag: Int) -> [Double] {
    guard let entry = entries[tag], entry.type == 5 else { return [] }
    func number(_ at: Int) -> Double {
      Double(entry.bytes[at..<(at + 4)].reversed().reduce(0) { $0 << 8 | Int($1) })
    }
    let places = Array(stride(from: 0, to: entry.bytes.count / 8 * 8, by: 8))
    return places.allSatisfy { number($0 + 4) > 0 } ? places.map { number($0) / number($0 + 4) } : []
  }
}
