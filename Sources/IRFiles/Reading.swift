import Glibc

extension [UInt8] {
  /// Reads the next bytes of a descriptor, called `name` in errors, over the first elements, as many as there
  /// are at most. An interrupted call is made again.
  /// - Returns: the number of bytes; 0 at the end.
  /// - Throws: `FileError` with the system's reason.
  package mutating func read(from descriptor: Int32, _ name: String) throws(FileError) -> Int {
    while true {
      let count = withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError(path: name, reason: systemError()) }
      return count
    }
  }
}
