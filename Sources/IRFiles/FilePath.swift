/// A path as the system has it: bytes, which need not be text. Two paths are equal if their bytes are,
/// whatever people read in them. Slashes and dots are bytes too, whatever mark follows them.
///
/// A string spells every path: for a byte that is not part of UTF-8 it has the private character U+10F700 +
/// byte.
package struct FilePath: Hashable, Sendable {
  /// Without a zero, which would end the path for the system.
  package let bytes: [UInt8]

  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")
  /// The characters that spell single bytes.
  private static let firstSpelling: UInt32 = 0x10F780, lastSpelling: UInt32 = 0x10F7FF

  /// The path of these bytes, up to the first zero.
  package init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes.prefix { $0 != 0 }) }

  /// The path of a C string.
  package init(_ cString: UnsafePointer<CChar>) {
    self.init(
      bytes: UnsafeBufferPointer(start: cString, count: Self.length(cString)).lazy.map(
        UInt8.init(bitPattern:)))
  }

  /// The path that a text spells.
  package init(_ text: String) {
    guard text.unicodeScalars.contains(where: { Self.byte(spelledBy: $0) != nil }) else {
      self.init(bytes: text.utf8)
      return
    }
    var bytes: [UInt8] = []
    for scalar in text.unicodeScalars {
      if let byte = Self.byte(spelledBy: scalar) { bytes.append(byte) } else { bytes += String(scalar).utf8 }
    }
    self.init(bytes: bytes)
  }

  private static func length(_ cString: UnsafePointer<CChar>) -> Int {
    var count = 0
    while cString[count] != 0 { count += 1 }
    return count
  }

  /// The byte that a character spells; nil if it stands for itself.
  package static func byte(spelledBy scalar: Unicode.Scalar) -> UInt8? {
    (firstSpelling...lastSpelling).contains(scalar.value) ? UInt8(truncatingIfNeeded: scalar.value) : nil
  }

  /// For calls of the system.
  package var cString: [CChar] { bytes.map(CChar.init(bitPattern:)) + [0] }

  /// The spelling, from which `init(_:)` makes the same path.
  package var text: String {
    if let text = String(validating: bytes, as: UTF8.self),
      !text.unicodeScalars.contains(where: { Self.byte(spelledBy: $0) != nil })
    {
      return text
    }
    var result = ""
    func spell(_ range: Range<Int>) {
      for byte in bytes[range] {
        if let scalar = Unicode.Scalar(Self.firstSpelling - 0x80 + UInt32(byte)) {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    var parser = Unicode.UTF8.ForwardParser()
    var (rest, position) = (bytes.makeIterator(), 0)
    while true {
      switch parser.parseScalar(from: &rest) {
      case .valid(let encoded):
        let (scalar, end) = (Unicode.UTF8.decode(encoded), position + encoded.count)
        // A name may hold such a character itself, whose bytes are spelled then.
        if Self.byte(spelledBy: scalar) != nil {
          spell(position..<end)
        } else {
          result.unicodeScalars.append(scalar)
        }
        position = end
      case .error(let count):
        spell(position..<(position + count))
        position += count
      case .emptyInput: return result
      }
    }
  }
}

// MARK: Parts

extension FilePath {
  package var isEmpty: Bool { bytes.isEmpty }
  package var endsInSlash: Bool { bytes.last == Self.slash }

  /// The part before the last slash; empty if there is no slash.
  package var folder: FilePath {
    guard let end = bytes.lastIndex(of: Self.slash) else { return "" }
    return end == 0 ? "/" : FilePath(bytes: bytes[..<end])
  }

  /// The part behind the last slash.
  package var name: FilePath {
    bytes.lastIndex(of: Self.slash).map { FilePath(bytes: bytes[($0 + 1)...]) } ?? self
  }

  /// Whether the name begins with a dot.
  package var isHidden: Bool { name.bytes.first == Self.dot }

  /// The name's extension without its dot; empty if there is none. A dot in front hides a file and begins no
  /// extension.
  package var suffix: String {
    let name = name
    guard let dot = name.bytes.lastIndex(of: Self.dot), dot > 0 else { return "" }
    return FilePath(bytes: name.bytes[(dot + 1)...]).text
  }

  /// The path without its extension and the dot before it.
  package var stem: FilePath {
    let name = name.bytes
    guard let dot = name.lastIndex(of: Self.dot), dot > 0 else { return self }
    return FilePath(bytes: bytes.dropLast(name.count - dot))
  }

  /// A path below this folder; an empty path is the folder of relative ones.
  package func joined(_ other: FilePath) -> FilePath {
    FilePath(bytes: bytes + (isEmpty || endsInSlash ? [] : [Self.slash]) + other.bytes)
  }

  /// With a text behind the last name.
  package func adding(_ text: String) -> FilePath { adding(FilePath(text)) }
  package func adding(_ other: FilePath) -> FilePath { FilePath(bytes: bytes + other.bytes) }

  /// With a number behind the name's stem: `name-1.png`.
  package func numbered(_ number: Int) -> FilePath {
    stem.adding("-\(number)" + (suffix.isEmpty ? "" : ".\(suffix)"))
  }

  /// The first bytes, no more than `count`, that do not end within a character.
  package func start(byteCount count: Int) -> FilePath {
    var end = min(max(count, 0), bytes.count)
    while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return FilePath(bytes: bytes[..<end])
  }
}

extension FilePath: CustomStringConvertible, ExpressibleByStringInterpolation, Comparable, Codable {
  package var description: String { text }
  package init(stringLiteral text: String) { self.init(text) }

  /// In the order of bytes.
  package static func < (a: FilePath, b: FilePath) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }

  package init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode(String.self))
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}
