import Foundation
import IRFiles

/// Data to a pipe, all of it.
package enum StandardOutput {
  /// - Throws: `FileError` with the system's reason.
  package static func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try write(bytes, to: STDOUT_FILENO, "the standard output")
  }

  /// Writes to an open file; `name` stands for it in errors.
  /// - Throws: `FileError` with the system's reason.
  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ name: String
  ) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileError(path: name, reason: systemError()) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }
}
