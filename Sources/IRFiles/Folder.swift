import Glibc

package enum Folder {
  /// The names in a folder but for `.` and `..`, in the system's order.
  /// - Throws: `FileError`.
  package static func names(in path: String) throws(FileError) -> [String] {
    guard let folder = opendir(path.isEmpty ? "." : path) else {
      throw FileError(path: path, reason: systemError())
    }
    defer { closedir(folder) }
    var result: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { result.append(name) }
    }
    return result
  }
}
