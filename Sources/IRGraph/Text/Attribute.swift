/// The attributes of an operator as a tree, between `Codable` and text.
enum Attribute: Equatable {
  case null
  case bool(Bool)
  /// As it was written: integers, floating point with the fewest digits, `inf`, `-inf`, `nan`.
  case number(String)
  case string(String)
  case list([Attribute])
  case record([(name: String, value: Attribute)])

  static func == (a: Attribute, b: Attribute) -> Bool { a.text == b.text }

  var text: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let text): text
    case .string(let text): quoted(text)
    case .list(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .record(let fields):
      "{" + fields.map { "\($0.name): \($0.value.text)" }.joined(separator: ", ") + "}"
    }
  }

  subscript(name: String) -> Attribute? {
    guard case .record(let fields) = self else { return nil }
    return fields.first { $0.name == name }?.value
  }
}

/// Text in quotes, on one line, as the parser reads it.
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _
    where scalar.value < 0x20 || scalar.value == 0x7F || scalar.value == 0x2028 || scalar.value == 0x2029:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
