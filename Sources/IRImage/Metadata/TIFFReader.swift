/// Numbers and directories of a TIFF or BigTIFF in its byte order; every offset is checked.
struct TIFFReader {
  let isLittleEndian: Bool
  /// Whether offsets take 8 bytes instead of 4.
  let isBig: Bool
  private let file: PictureBytes

  /// A tag and the place of its value.
  struct Entry {
    var tag: Int
    var type: Int
    var count: Int
    /// The offset of the value, inside the entry where it fits.
    var value: Int
    /// The entry's value field as one number: a child's offset.
    var target: Int
  }

  private static let pageLimit = 1 << 16
  /// Entries of all pages together; pages may overlap.
  private static let entryLimit = 1 << 20

  /// Nil where the first bytes are not TIFF's.
  init?(_ file: PictureBytes) {
    switch file.bytes(0, 4) {
    case [0x49, 0x49, 42, 0]: (isLittleEndian, isBig) = (true, false)
    case [0x4D, 0x4D, 0, 42]: (isLittleEndian, isBig) = (false, false)
    case [0x49, 0x49, 43, 0]: (isLittleEndian, isBig) = (true, true)
    case [0x4D, 0x4D, 0, 43]: (isLittleEndian, isBig) = (false, true)
    default: return nil
    }
    self.file = file
  }

  func number(_ offset: Int, _ count: Int) -> Int? {
    guard let bytes = file.bytes(offset, count) else { return nil }
    let value = (isLittleEndian ? bytes.reversed() : bytes).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int(exactly: value)
  }

  /// Bytes with each number little-endian.
  func bytes(_ offset: Int, _ count: Int, unit: Int) -> [UInt8]? {
    file.bytes(offset, count).map { isLittleEndian ? $0 : swapped($0, unit: unit) }
  }

  private var offsetSize: Int { isBig ? 8 : 4 }

  var firstDirectory: Int? { isBig ? number(8, 8) : number(4, 4) }

  /// The entries of a directory, those of unknown types too, and where it says which one follows.
  func entries(at offset: Int) -> (entries: [Entry], link: Int)? {
    let countSize = isBig ? 8 : 2, rowSize = isBig ? 20 : 12
    guard let count = number(offset, countSize), count <= 4096 else { return nil }
    var result: [Entry] = []
    for index in 0..<count {
      let place = offset + countSize + rowSize * index
      guard let tag = number(place, 2), let type = number(place + 2, 2),
        let length = number(place + 4, offsetSize)
      else { return nil }
      let field = place + 4 + offsetSize
      guard file.bytes(field, offsetSize) != nil else { return nil }
      let size = TIFFDirectory.layout(type)?.size ?? 1
      guard length <= 1 << 40 else { continue }
      // A child's offset of 4 bytes lies in the entry. An offset beyond the file counts as absent: sums with
      // it would overflow.
      let isShort = isBig && length == 1 && [4, 13].contains(type)
      let target = number(field, isShort ? 4 : offsetSize).flatMap { $0 < file.count ? $0 : nil } ?? -1
      result.append(
        Entry(
          tag: tag, type: type, count: length, value: size * length <= offsetSize ? field : target,
          target: target))
    }
    return (result, offset + countSize + rowSize * count)
  }

  /// The offsets of the directories one after another, as far as they are whole and lead to new ones.
  var pages: [Int] {
    var result: [Int] = []
    var seen: Set<Int> = []
    var next = firstDirectory
    var left = Self.entryLimit
    while left > 0, let offset = next, offset > 0, result.count < Self.pageLimit,
      seen.insert(offset).inserted, let (_, link) = entries(at: offset)
    {
      result.append(offset)
      left -= (link - offset) / (isBig ? 20 : 12)
      next = number(link, offsetSize)
    }
    return result
  }

  /// The whole numbers of an entry, no more than `limit`.
  func numbers(_ entry: Entry, limit: Int = 64) -> [Int] {
    guard entry.value >= 0, let (size, unit) = TIFFDirectory.layout(entry.type), size == unit,
      [1, 3, 4, 13, 16].contains(entry.type)
    else { return [] }
    return (0..<min(entry.count, limit)).compactMap { number(entry.value + size * $0, size) }
  }

  /// A value of a directory by its tag.
  func numbers(_ tag: Int, at directory: Int) -> [Int] {
    entries(at: directory)?.entries.first { $0.tag == tag }.map { numbers($0) } ?? []
  }
}

func swapped(_ bytes: [UInt8], unit: Int) -> [UInt8] {
  guard unit > 1 else { return bytes }
  return stride(from: 0, to: bytes.count, by: unit).flatMap {
    bytes[$0..<min($0 + unit, bytes.count)].reversed()
  }
}
