/// Parts of a path as text. Slashes and dots are bytes, whatever mark follows them. Foundation's own trap on
/// some short relative names.
package enum PathText {
  /// The part before the last slash; empty if there is no slash.
  package static func folder(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The part behind the last slash.
  package static func name(_ path: String) -> String {
    path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
  }

  /// The name's extension without its dot; empty if there is none. A dot in front hides a file and begins
  /// no extension.
  package static func suffix(_ path: String) -> String {
    let name = name(path)
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot != name.startIndex else { return "" }
    return String(name[name.utf8.index(after: dot)...])
  }

  /// The path without its extension and the dot before it.
  package static func stem(_ path: String) -> String {
    let suffix = suffix(path)
    guard !suffix.isEmpty || path.utf8.last == UInt8(ascii: ".") else { return path }
    return String(path[..<path.utf8.index(path.endIndex, offsetBy: -suffix.utf8.count - 1)])
  }

  /// The first characters that fit into so many bytes of UTF-8.
  package static func start(of text: String, byteCount: Int) -> String {
    var result = ""
    for character in text {
      guard result.utf8.count + character.utf8.count <= byteCount else { break }
      result.append(character)
    }
    return result
  }
}
