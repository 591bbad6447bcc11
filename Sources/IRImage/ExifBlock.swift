/// EXIF as files hold it: `Exif`, two zeros, then a TIFF of directories. Only what taking the position out
/// needs is read; every offset is checked.
struct ExifBlock {
  private(set) var bytes: [UInt8]
  private let start: Int
  private let isLittleEndian: Bool

  /// Nil where the bytes are no EXIF.
  init?(_ bytes: [UInt8]) {
    let prefix: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0]
    start = bytes.starts(with: prefix) ? prefix.count : 0
    guard bytes.count >= start + 8 else { return nil }
    switch Array(bytes[start..<(start + 4)]) {
    case [0x49, 0x49, 0x2A, 0]: isLittleEndian = true
    case [0x4D, 0x4D, 0, 0x2A]: isLittleEndian = false
    default: return nil
    }
    self.bytes = bytes
  }

  /// A number of 2 or 4 bytes, counted from the TIFF's begin; nil outside the block.
  private func number(_ offset: Int, _ count: Int) -> Int? {
    guard offset >= 0, offset <= bytes.count - start - count else { return nil }
    let field = bytes[(start + offset)..<(start + offset + count)]
    return (isLittleEndian ? Array(field.reversed()) : Array(field)).reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func set(_ value: Int, _ offset: Int, _ count: Int) {
    for index in 0..<count {
      let shift = 8 * (isLittleEndian ? index : count - 1 - index)
      bytes[start + offset + index] = UInt8(truncatingIfNeeded: value >> shift)
    }
  }

  /// Says that the picture stands upright, where the block says otherwise: for pixels that were turned.
  mutating func resetOrientation() {
    guard let directory = number(4, 4), let count = number(directory, 2) else { return }
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let tag = number(entry, 2) else { return }
      if tag == 0x0112, number(entry + 2, 2) == 3, number(entry + 8, 2) != nil { set(1, entry + 8, 2) }
    }
  }

  /// Takes the entry that points to the position out of the first directory, and overwrites what it points
  /// to with zeros.
  /// - Returns: false where the block is damaged; what it holds is then not known.
  mutating func removePosition() -> Bool {
    let gpsTag = 0x8825
    guard let directory = number(4, 4), let count = number(directory, 2) else { return false }
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let tag = number(entry, 2), let target = number(entry + 8, 4) else { return false }
      guard tag == gpsTag else { continue }
      guard erase(target) else { return false }
      // The entries behind it, and the offset of the next directory, move up.
      let end = directory + 2 + 12 * count + 4
      guard end <= bytes.count - start else { return false }
      for position in entry..<(end - 12) { bytes[start + position] = bytes[start + position + 12] }
      for position in (end - 12)..<end { bytes[start + position] = 0 }
      set(count - 1, directory, 2)
      return true
    }
    return true
  }

  private mutating func erase(_ directory: Int) -> Bool {
    guard let count = number(directory, 2), directory + 2 + 12 * count <= bytes.count - start else {
      return false
    }
    for index in 0..<count {
      let entry = directory + 2 + 12 * index
      guard let type = number(entry + 2, 2), let length = number(entry + 4, 4),
        let target = number(entry + 8, 4),
        (0...12).contains(type)
      else { return false }
      let byteCount = (TIFFDirectory.layout(type)?.size ?? 0) * length
      guard byteCount > 4 else { continue }
      guard target >= 8, byteCount <= bytes.count - start - target else { return false }
      for position in target..<(target + byteCount) { bytes[start + position] = 0 }
    }
    for position in directory..<(directory + 2 + 12 * count) { bytes[start + position] = 0 }
    return true
  }
}
