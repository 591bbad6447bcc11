import Foundation

/// A file written under a temporary name beside its place and renamed there when it is whole; removed
/// where it never is.
final class AtomicFile {
  private let path: String
  private let temporary: String
  private let descriptor: Int32
  private var isInPlace = false

  /// - Throws: `ONNXError.file` with the system's reason.
  init(replacing path: String) throws(ONNXError) {
    var descriptor: Int32 = -1
    var temporary = path
    for _ in 0..<16 {
      temporary = "\(path).\(String(UInt64.random(in: 0 ... .max), radix: 36)).partial"
      descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 || errno != EEXIST { break }
    }
    guard descriptor >= 0 else { throw .file(path: path, reason: systemError()) }
    (self.path, self.temporary, self.descriptor) = (path, temporary, descriptor)
  }

  deinit {
    close(descriptor)
    if !isInPlace { unlink(temporary) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(ONNXError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .file(path: path, reason: systemError()) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }

  func write(_ bytes: [UInt8]) throws(ONNXError) {
    try bytes.span.bytes.withUnsafeBytes { (buffer) throws(ONNXError) in try write(buffer) }
  }

  /// Brings what was written to the disk.
  func synchronize() throws(ONNXError) {
    guard fsync(descriptor) == 0 else { throw .file(path: path, reason: systemError()) }
  }

  /// Puts the file in its place.
  func replace() throws(ONNXError) {
    guard rename(temporary, path) == 0 else { throw .file(path: path, reason: systemError()) }
    isInPlace = true
    let slash = path.lastIndex(of: "/")
    let folder = open(slash.map { String(path[...$0]) } ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }
}
