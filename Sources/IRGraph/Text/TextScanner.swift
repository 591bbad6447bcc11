/// Reads the words of one line of a graph's text.
struct TextScanner {
  private let bytes: [UInt8]
  private var position = 0

  init(_ line: some StringProtocol) { bytes = Array(line.utf8) }

  struct Failure: Error { var detail: String }

  var isAtEnd: Bool { position == bytes.count }

  mutating func skipSpaces() {
    while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
  }

  /// Takes `text` where it is next.
  mutating func take(_ text: String) -> Bool {
    skipSpaces()
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  mutating func expect(_ text: String) throws(Failure) {
    guard take(text) else { throw failure("\(text) expected") }
  }

  func failure(_ detail: String) -> Failure {
    let rest = String(decoding: bytes[position...].prefix(24), as: UTF8.self)
    return Failure(detail: "\(detail) at column \(position + 1), before `\(rest)`")
  }

  /// Letters, digits, and what numbers are made of.
  mutating func word() throws(Failure) -> String {
    skipSpaces()
    let start = position
    while position < bytes.count, isWord(bytes[position]) { position += 1 }
    guard position > start else { throw failure("a word expected") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x5F, 0x2B, 0x2D, 0x2E: true
    default: false
    }
  }

  mutating func integer() throws(Failure) -> Int {
    let text = try word()
    guard let value = Int(text) else { throw failure("\(text) is not an integer") }
    return value
  }

  /// A text in quotes.
  mutating func string() throws(Failure) -> String {
    try expect("\"")
    var result: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte == 0x22 { return String(decoding: result, as: UTF8.self) }
      guard byte == 0x5C else { result.append(byte); continue }
      guard position < bytes.count else { break }
      position += 1
      switch bytes[position - 1] {
      case 0x6E: result.append(0x0A)
      case 0x72: result.append(0x0D)
      case 0x74: result.append(0x09)
      case 0x75:
        try expect("{")
        let digits = try word()
        try expect("}")
        guard let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number) else {
          throw failure("\(digits) is not a character")
        }
        result += Array(String(scalar).utf8)
      case let other: result.append(other)
      }
    }
    throw failure("the text has no end")
  }

  /// A tree of attributes, at most `depth` deep.
  mutating func attribute(depth: Int = 16) throws(Failure) -> Attribute {
    guard depth > 0 else { throw failure("attributes nest too deep") }
    skipSpaces()
    guard position < bytes.count else { throw failure("an attribute expected") }
    switch bytes[position] {
    case 0x22: return .string(try string())
    case 0x5B:
      position += 1
      var elements: [Attribute] = []
      if take("]") { return .list([]) }
      repeat { elements.append(try attribute(depth: depth - 1)) } while take(",")
      try expect("]")
      return .list(elements)
    case 0x7B:
      position += 1
      var fields: [(name: String, value: Attribute)] = []
      if take("}") { return .record([]) }
      repeat {
        let name = try word()
        try expect(":")
        fields.append((name, try attribute(depth: depth - 1)))
      } while take(",")
      try expect("}")
      return .record(fields)
    default:
      let text = try word()
      switch text {
      case "null": return .null
      case "true": return .bool(true)
      case "false": return .bool(false)
      default: return .number(text)
      }
    }
  }
}
