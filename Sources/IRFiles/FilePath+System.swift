import CIRSystem
import Glibc

/// The file at a path.
extension FilePath {
  package enum Kind: Sendable {
    case file, folder
    /// A pipe, a device or a socket.
    case other
  }

  /// The command's own arguments as the system handed them over, behind the program's name. Swift's own list
  /// has U+FFFD for bytes that are not UTF-8.
  package static var arguments: [FilePath] {
    var count: Int32 = 0
    guard let pointers = ir_arguments(&count) else { return [] }
    return (0..<Int(count)).dropFirst().compactMap { index in pointers[index].map { FilePath($0) } }
  }

  /// The folder for temporary files.
  package static var temporaryFolder: FilePath {
    guard let value = getenv("TMPDIR"), value.pointee != 0 else { return "/tmp" }
    return FilePath(value)
  }

  /// The kind of file that the path leads to, through links; nil if there is nothing.
  package var kind: Kind? {
    guard let status else { return nil }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .folder
    default: .other
    }
  }

  package var exists: Bool { status != nil }

  /// True for a folder, false for another file, nil if there is nothing.
  package var isFolder: Bool? { kind.map { $0 == .folder } }

  package var isLink: Bool {
    var status = stat()
    return lstat(cString, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
  }

  /// Bytes of a file; nil if there is none.
  package var byteCount: Int? { status.map { Int($0.st_size) } }

  /// The system's record of what the path leads to.
  package var status: stat? {
    var result = stat()
    return stat(cString, &result) == 0 ? result : nil
  }

  /// The same place without links and dots, as far as there is one; a path from the root.
  package var place: FilePath {
    if let pointer = realpath(isEmpty ? FilePath(".").cString : cString, nil) {
      defer { free(pointer) }
      return FilePath(pointer)
    }
    guard !isEmpty else { return self }
    let above = folder.place
    return switch name {
    case "", ".": above
    case "..": above.folder
    default: above.joined(name)
    }
  }

  /// Opens the file for reading.
  /// - Throws: `FileError` with the system's reason.
  package func opened() throws(FileError) -> Int32 {
    let descriptor = open(cString, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: text, reason: systemError()) }
    return descriptor
  }

  /// All bytes of a file, piece by piece, so that a file may grow meanwhile.
  /// - Throws: `FileError` with the system's reason, and for more than `limit` bytes.
  package func contents(atMost limit: Int = .max) throws(FileError) -> [UInt8] {
    let descriptor = try opened()
    defer { close(descriptor) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try buffer.read(from: descriptor, text)
      guard count > 0 else { return result }
      guard count <= limit - result.count else {
        throw FileError(path: text, reason: "it holds more than \(limit) bytes")
      }
      result += buffer[..<count]
    }
  }
}
