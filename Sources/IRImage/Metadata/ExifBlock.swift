/// EXIF as a TIFF of directories, edited in place: nothing that stays changes its offset, since maker notes
/// may point into the block. Every offset is checked.
struct ExifBlock {
  enum Directory: CaseIterable {
    case image, photograph, position, interoperability, thumbnail
  }

  struct Entry {
    var tag: Int
    var type: Int
    var count: Int
    /// The entry's own offset, and that of its value.
    var offset: Int
    var value: Int
    var byteCount: Int
  }

  /// The TIFF, without the letters `Exif` that some containers set before it.
  private(set) var bytes: [UInt8]
  let isLittleEndian: Bool

  private static let prefix: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0]

  /// The bytes without the letters before them.
  static func withoutPrefix(_ bytes: [UInt8]) -> [UInt8] {
    bytes.starts(with: prefix) ? Array(bytes.dropFirst(prefix.count)) : bytes
  }

  /// Nil where the bytes are not EXIF.
  init?(_ bytes: [UInt8]) {
    let block = Self.withoutPrefix(bytes)
    guard block.count >= 8 else { return nil }
    switch Array(block[..<4]) {
    case [0x49, 0x49, 0x2A, 0]: isLittleEndian = true
    case [0x4D, 0x4D, 0, 0x2A]: isLittleEndian = false
    default: return nil
    }
    self.bytes = block
  }

  /// A number of up to 4 bytes; nil outside the block.
  func number(_ offset: Int, _ count: Int) -> Int? {
    guard offset >= 0, offset <= bytes.count - count else { return nil }
    let field = bytes[offset..<(offset + count)]
    return isLittleEndian
      ? field.reversed().reduce(0) { $0 << 8 | Int($1) } : field.reduce(0) { $0 << 8 | Int($1) }
  }

  private func encoded(_ value: Int, _ count: Int) -> [UInt8] {
    isLittleEndian ? littleEndianBytes(value, count) : bigEndianBytes(value, count)
  }

  private mutating func set(_ value: Int, _ offset: Int, _ count: Int) {
    bytes.replaceSubrange(offset..<(offset + count), with: encoded(value, count))
  }

  // MARK: Directories

  /// The offset of a directory; nil if it is missing.
  func offset(of directory: Directory) -> Int? {
    switch directory {
    case .image: return number(4, 4)
    case .photograph: return pointer(0x8769, in: .image)
    case .position: return pointer(0x8825, in: .image)
    case .interoperability: return pointer(0xA005, in: .photograph)
    case .thumbnail:
      guard let link = thumbnailLink, let target = number(link, 4), target > 0 else { return nil }
      return target
    }
  }

  private func pointer(_ tag: Int, in directory: Directory) -> Int? {
    entry(tag, in: directory).flatMap { number($0.offset + 8, 4) }
  }

  /// The place of the first directory's link to the next.
  private var thumbnailLink: Int? {
    guard let start = number(4, 4), let count = number(start, 2) else { return nil }
    let link = start + 2 + 12 * count
    return link <= bytes.count - 4 ? link : nil
  }

  /// The entries whose values lie in the block.
  func entries(of directory: Directory) -> [Entry] {
    guard let start = offset(of: directory), let count = number(start, 2) else { return [] }
    var result: [Entry] = []
    for index in 0..<count {
      let place = start + 2 + 12 * index
      guard let tag = number(place, 2), let type = number(place + 2, 2), let length = number(place + 4, 4),
        let target = number(place + 8, 4)
      else { break }
      guard let layout = TIFFDirectory.layout(type) else { continue }
      let byteCount = layout.size * length
      let value = byteCount <= 4 ? place + 8 : target
      guard value <= bytes.count - byteCount else { continue }
      result.append(
        Entry(tag: tag, type: type, count: length, offset: place, value: value, byteCount: byteCount))
    }
    return result
  }

  func entry(_ tag: Int, in directory: Directory) -> Entry? {
    entries(of: directory).first { $0.tag == tag }
  }

  /// The bytes of a value as they are stored.
  func value(_ tag: Int, in directory: Directory) -> [UInt8]? {
    entry(tag, in: directory).map { Array(bytes[$0.value..<($0.value + $0.byteCount)]) }
  }

  /// A whole number of one entry.
  func number(_ tag: Int, in directory: Directory) -> Int? {
    guard let entry = entry(tag, in: directory), entry.count >= 1 else { return nil }
    switch entry.type {
    case 3: return number(entry.value, 2)
    case 4: return number(entry.value, 4)
    default: return nil
    }
  }

  /// A rational number of one entry.
  func rational(_ tag: Int, in directory: Directory) -> Double? {
    guard let entry = entry(tag, in: directory), entry.type == 5, entry.count >= 1,
      let numerator = number(entry.value, 4), let denominator = number(entry.value + 4, 4), denominator > 0
    else { return nil }
    return Double(numerator) / Double(denominator)
  }

  // MARK: Changes

  /// Changes a whole number that is there already.
  mutating func replace(_ tag: Int, in directory: Directory, by value: Int) {
    guard let entry = entry(tag, in: directory), entry.count == 1, [3, 4].contains(entry.type) else { return }
    if entry.type == 3, value > 0xFFFF { set(4, entry.offset + 2, 2) }
    let isShort = entry.type == 3 && value <= 0xFFFF
    set(0, entry.value, 4)
    set(value, entry.value, isShort ? 2 : 4)
  }

  /// Changes the bytes of a value of up to 4 that is there already.
  mutating func replace(_ tag: Int, in directory: Directory, byText text: String) {
    guard let entry = entry(tag, in: directory), entry.byteCount == text.utf8.count + 1 else { return }
    bytes.replaceSubrange(entry.value..<(entry.value + entry.byteCount), with: Array(text.utf8) + [0])
  }

  /// Sets entries of the first directory: values of 1 number each, or rational ones. Where some are new, the
  /// directory is written again behind the block; what it points to stays where it is.
  mutating func set(_ values: [(tag: Int, type: Int, value: Double)]) {
    var added: [(tag: Int, row: [UInt8])] = []
    for (tag, type, value) in values {
      let (numerator, denominator) = Resolution.rational(value)
      if let entry = entry(tag, in: .image), entry.type == type, entry.count == 1 {
        if type == 5 {
          set(numerator, entry.value, 4)
          set(denominator, entry.value + 4, 4)
        } else {
          replace(tag, in: .image, by: Int(value))
        }
        continue
      }
      var field = encoded(Int(value), 2) + [0, 0]
      if type == 5 {
        if bytes.count % 2 == 1 { bytes.append(0) }
        field = encoded(bytes.count, 4)
        bytes += encoded(numerator, 4) + encoded(denominator, 4)
      }
      added.append((tag, encoded(tag, 2) + encoded(type, 2) + encoded(1, 4) + field))
    }
    guard !added.isEmpty, let start = number(4, 4), let count = number(start, 2),
      start + 2 + 12 * count + 4 <= bytes.count
    else { return }
    var rows = (0..<count).map { index in
      let place = start + 2 + 12 * index
      return (tag: number(place, 2) ?? 0, row: Array(bytes[place..<(place + 12)]))
    }
    let link = Array(bytes[(start + 2 + 12 * count)..<(start + 6 + 12 * count)])
    rows.removeAll { row in added.contains { $0.tag == row.tag } }
    rows = (rows + added).sorted { $0.tag < $1.tag }
    if bytes.count % 2 == 1 { bytes.append(0) }
    let place = bytes.count
    bytes += encoded(rows.count, 2) + rows.flatMap(\.row) + link
    set(place, 4, 4)
  }

  /// Takes the thumbnail out: its directory, and what that points to.
  mutating func removeThumbnail() {
    guard let link = thumbnailLink, let start = offset(of: .thumbnail) else { return }
    let entries = entries(of: .thumbnail)
    if let place = number(0x0201, in: .thumbnail), let count = number(0x0202, in: .thumbnail),
      place >= 8, place <= bytes.count - count
    {
      if place + count == bytes.count, place > start, place > link + 4 {
        bytes.removeLast(count)
      } else {
        erase(place..<(place + count))
      }
    }
    for entry in entries where entry.byteCount > 4 && entry.value <= bytes.count - entry.byteCount {
      erase(entry.value..<(entry.value + entry.byteCount))
    }
    if start <= bytes.count - 2 - 12 * entries.count { erase(start..<(start + 2 + 12 * entries.count)) }
    set(0, link, 4)
  }

  private mutating func erase(_ range: Range<Int>) {
    for position in range where position >= 8 { bytes[position] = 0 }
  }

  /// Takes the entry that points to the position out of the first directory, and overwrites what it points
  /// to with zeros.
  /// - Returns: false where the block is damaged; what it holds is then not known.
  mutating func removePosition() -> Bool {
    guard let directory = number(4, 4), let count = number(directory, 2) else { return false }
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let tag = number(entry, 2), let target = number(entry + 8, 4) else { return false }
      guard tag == 0x8825 else { continue }
      guard erasePosition(target) else { return false }
      // The entries behind it, and the offset of the next directory, move up.
      let end = directory + 2 + 12 * count + 4
      guard end <= bytes.count else { return false }
      for position in entry..<(end - 12) { bytes[position] = bytes[position + 12] }
      for position in (end - 12)..<end { bytes[position] = 0 }
      set(count - 1, directory, 2)
      return true
    }
    return true
  }

  private mutating func erasePosition(_ directory: Int) -> Bool {
    guard let count = number(directory, 2), directory >= 8, directory + 2 + 12 * count <= bytes.count else {
      return false
    }
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let type = number(entry + 2, 2), let length = number(entry + 4, 4),
        let target = number(entry + 8, 4), (0...12).contains(type)
      else { return false }
      let byteCount = (TIFFDirectory.layout(type)?.size ?? 0) * length
      guard byteCount > 4 else { continue }
      guard target >= 8, byteCount <= bytes.count - target else { return false }
      erase(target..<(target + byteCount))
    }
    erase(directory..<(directory + 2 + 12 * count))
    return true
  }
}
