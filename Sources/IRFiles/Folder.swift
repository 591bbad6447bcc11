import Glibc

package enum Folder {
  /// The names in a folder but for `.` and `..`, in the order of their bytes.
  /// - Throws: `FileError`.
  package static func names(in path: FilePath) throws(FileError) -> [FilePath] {
    guard let folder = opendir(path.isEmpty ? FilePath(".").cString : path.cString) else {
      throw FileError(path: path.text, reason: systemError())
    }
    defer { closedir(folder) }
    var result: [FilePath] = []
    while true {
      errno = 0
      guard let entry = readdir(folder) else {
        guard errno == 0 else { throw FileError(path: path.text, reason: systemError()) }
        return result.sorted()
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { FilePath(bytes: $0) }
      if name != ".", name != ".." { result.append(name) }
    }
  }

  /// Makes a folder and those above it.
  /// - Throws: `FileError` with the system's reason.
  package static func make(_ path: FilePath) throws(FileError) {
    if let isFolder = path.isFolder {
      guard isFolder else { throw FileError(path: path.text, reason: systemError(ENOTDIR)) }
      return
    }
    let above = path.folder
    if !above.isEmpty, above != path { try make(above) }
    guard mkdir(path.cString, 0o777) == 0 || errno == EEXIST && path.isFolder == true else {
      throw FileError(path: path.text, reason: systemError())
    }
  }
}
