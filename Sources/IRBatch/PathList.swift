import IRFiles

/// The paths of a list that comes piece by piece: a line each, or between zeros if the list's first piece has
/// one.
struct PathList {
  /// Bytes of a list's file.
  private static let byteCountLimit = 1 << 28
  private static let newline = UInt8(ascii: "\n"), carriageReturn = UInt8(ascii: "\r")

  private var separator: UInt8?
  private var rest: [UInt8] = []
  /// Bytes that have come and belong to no whole path yet.
  var restCount: Int { rest.count }

  typealias Item = Result<FilePath, FileError>

  /// The paths that end in the next piece.
  mutating func take(_ bytes: some Collection<UInt8>) -> [Item] {
    if separator == nil {
      // Windows' editors mark texts so.
      rest += bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : Array(bytes)
      separator = rest.contains(0) ? 0 : Self.newline
    } else {
      rest += bytes
    }
    var result: [Item] = []
    var start = 0
    while let end = rest[start...].firstIndex(of: separator ?? Self.newline) {
      result.append(item(rest[start..<end]))
      start = end + 1
    }
    rest.removeFirst(start)
    return result
  }

  /// The last path, which nothing ends; nil if there is none.
  mutating func end() -> Item? {
    defer { rest = [] }
    return rest.isEmpty ? nil : item(rest[...])
  }

  private func item(_ bytes: ArraySlice<UInt8>) -> Item {
    guard separator == Self.newline else { return .success(FilePath(bytes: bytes)) }
    guard !bytes.contains(0) else {
      return .failure(
        FileError(path: FilePath(bytes: bytes).text, reason: "a NUL follows lines that end in newlines"))
    }
    return .success(FilePath(bytes: bytes.last == Self.carriageReturn ? bytes.dropLast() : bytes))
  }

  /// The paths of a whole list; empty lines are none.
  /// - Throws: `BatchError.usage` if the file cannot be read.
  static func paths(ofList file: FilePath) throws -> [FilePath] {
    let bytes: [UInt8]
    do { bytes = try file.contents(atMost: byteCountLimit) } catch {
      throw BatchError.usage("--list \(file): \(error.reason)")
    }
    var list = PathList()
    let items = list.take(bytes) + [list.end()].compactMap { $0 }
    return try items.map { (item) throws -> FilePath in
      do { return try item.get() } catch { throw BatchError.usage("--list \(file): \(error)") }
    }.filter { !$0.isEmpty }
  }
}
