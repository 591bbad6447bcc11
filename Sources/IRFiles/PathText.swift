/// Parts of a path as text. Foundation's own trap on some short relative names.
package enum PathText {
  /// What lies before the last slash; empty where there is none.
  package static func folder(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// What lies behind the last slash.
  package static func name(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  /// The name's extension without its dot; empty where there is none. A dot in front hides a file and begins
  /// no extension.
  package static func suffix(_ path: String) -> String {
    let name = name(path)
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
    return String(name[name.index(after: dot)...])
  }

  /// The path without its extension and the dot before it.
  package static func stem(_ path: String) -> String {
    let suffix = suffix(path)
    return suffix.isEmpty && !path.hasSuffix(".") ? path : String(path.dropLast(suffix.count + 1))
  }
}
