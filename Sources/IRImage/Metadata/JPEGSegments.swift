/// The segments of a JPEG file (ITU-T T.81, annex B) up to the end of its first picture, and where that is.
struct JPEGSegments {
  struct Segment: Hashable {
    var marker: UInt8
    /// The content behind the length.
    var range: Range<Int>
    /// From the marker's first byte on.
    var whole: Range<Int>
  }

  /// Those before the first scan.
  private(set) var segments: [Segment] = []
  /// Behind the mark that ends the first picture; nil if it is missing.
  private(set) var end: Int?

  private static let countLimit = 1 << 16

  /// Nil where the file is not a JPEG file.
  init?(_ file: PictureBytes) {
    guard file.bytes(0, 2) == [0xFF, 0xD8] else { return nil }
    var position = 2
    var isBeforeScan = true
    for _ in 0..<Self.countLimit {
      guard let found = Self.marker(in: file, from: position, inScan: !isBeforeScan) else { return }
      position = found.offset + 2
      switch found.marker {
      case 0xD9:
        end = position
        return
      case 0x01, 0xD0...0xD8: continue
      default: break
      }
      guard let count = file.bigEndian(position, 2), count >= 2, position + count <= file.count else {
        return
      }
      if isBeforeScan {
        segments.append(
          Segment(
            marker: found.marker, range: (position + 2)..<(position + count),
            whole: found.offset..<(position + count)))
      }
      if found.marker == 0xDA { isBeforeScan = false }
      position += count
    }
  }

  /// The next marker; in a scan, stuffed zeros and restarts are data.
  private static func marker(
    in file: PictureBytes, from start: Int, inScan: Bool
  ) -> (marker: UInt8, offset: Int)? {
    var offset = start
    var wasFF = false
    while true {
      let window = [UInt8](file.prefix(1 << 16, at: offset))
      if window.isEmpty { return nil }
      for (index, byte) in window.enumerated() {
        if byte == 0xFF {
          wasFF = true
        } else if wasFF {
          wasFF = false
          if byte != 0, !inScan || !(0xD0...0xD7).contains(byte) { return (byte, offset + index - 1) }
        }
      }
      offset += window.count
    }
  }

  /// The content of segments of a marker that begin with a text and a zero, without these.
  func contents(_ marker: UInt8, _ name: String, in file: PictureBytes) -> [(bytes: [UInt8], offset: Int)] {
    let prefix = Array(name.utf8) + [0]
    return segments.compactMap { segment in
      guard segment.marker == marker, let bytes = file.bytes(segment.range.lowerBound, segment.range.count),
        bytes.starts(with: prefix)
      else { return nil }
      return (Array(bytes.dropFirst(prefix.count)), segment.range.lowerBound + prefix.count)
    }
  }
}

extension JPEGAttachments {
  static let byteCountLimit = 512 << 20

  /// The index for a file whose picture ends at `offset`, where the index itself counts from `base`.
  func index(movedTo offset: Int, base: Int) -> [UInt8]? {
    guard let index, var block = PictureIndex(index) else { return index }
    block.move { size, place in
      // The first picture's offset is 0.
      place == 0
        ? (offset, 0)
        : (
          size, place + indexOffset >= self.offset ? place + indexOffset - self.offset + offset - base : place
        )
    }
    return block.bytes
  }
}

/// The multi-picture index of a JPEG file: a TIFF directory with 16 bytes for each picture.
struct PictureIndex {
  private(set) var bytes: [UInt8]
  private let entries: Range<Int>
  private let isLittleEndian: Bool

  /// Nil where it is damaged.
  init?(_ bytes: [UInt8]) {
    guard let block = ExifBlock(bytes), let entry = block.entry(0xB002, in: .image), entry.type == 7,
      entry.byteCount >= 16
    else { return nil }
    self.bytes = bytes
    isLittleEndian = block.isLittleEndian
    entries = entry.value..<(entry.value + entry.byteCount / 16 * 16)
  }

  var count: Int { entries.count / 16 }

  /// Whether all pictures but the first are large thumbnails of it.
  var holdsPreviewsOnly: Bool {
    let types = stride(from: entries.lowerBound + 16, to: entries.upperBound, by: 16).map { start in
      // The third byte of the attributes, counted from the least significant one.
      bytes[start + (isLittleEndian ? 2 : 1)]
    }
    return !types.isEmpty && types.allSatisfy { $0 == 1 }
  }

  /// Changes size and offset of each picture.
  mutating func move(_ change: (_ size: Int, _ offset: Int) -> (Int, Int)) {
    for start in stride(from: entries.lowerBound, to: entries.upperBound, by: 16) {
      func number(_ at: Int) -> Int {
        let field = bytes[at..<(at + 4)]
        return (isLittleEndian ? Array(field.reversed()) : Array(field)).reduce(0) { $0 << 8 | Int($1) }
      }
      let (size, offset) = change(number(start + 4), number(start + 8))
      let fields = [size, offset].flatMap {
        isLittleEndian ? littleEndianBytes($0, 4) : bigEndianBytes($0, 4)
      }
      bytes.replaceSubrange((start + 4)..<(start + 12), with: fields)
    }
  }
}
