import IRFiles

/// A file made of ranges of another file and of new bytes, in order: how metadata get into what libvips
/// wrote.
struct SplicedFile {
  enum Part: Hashable {
    case kept(Range<Int>)
    case new([UInt8])
  }

  private(set) var parts: [Part] = []

  var count: Int {
    parts.reduce(0) { sum, part in
      switch part {
      case .kept(let range): sum + range.count
      case .new(let bytes): sum + bytes.count
      }
    }
  }

  mutating func keep(_ range: Range<Int>) {
    if !range.isEmpty { parts.append(.kept(range)) }
  }

  mutating func add(_ bytes: [UInt8]) {
    if !bytes.isEmpty { parts.append(.new(bytes)) }
  }

  /// Writes the parts, those of `source` a piece at a time.
  /// - Throws: `FileError` with the system's reason, or if the source ends early.
  func write(from source: PictureBytes, to file: AtomicFile, path: String) throws(FileError) {
    for part in parts {
      switch part {
      case .new(let bytes): try file.write(bytes)
      case .kept(let range):
        var offset = range.lowerBound
        while offset < range.upperBound {
          let count = min(1 << 20, range.upperBound - offset)
          guard let piece = source.bytes(offset, count) else {
            throw FileError(path: path, reason: "the encoded picture ends at byte \(source.count)")
          }
          try file.write(piece)
          offset += count
        }
      }
    }
  }
}
