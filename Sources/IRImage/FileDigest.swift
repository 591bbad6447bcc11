import CVips
import Foundation
import IRFiles

/// SHA-256, as lower-case hexadecimal digits.
public final class FileDigest {
  private let state: OpaquePointer?

  public init() { state = g_checksum_new(G_CHECKSUM_SHA256) }
  deinit { if let state { g_checksum_free(state) } }

  public func add(_ bytes: UnsafeRawBufferPointer) {
    guard let state, let start = bytes.baseAddress else { return }
    g_checksum_update(state, start.assumingMemoryBound(to: UInt8.self), bytes.count)
  }

  public func add(_ text: String) { Array(text.utf8).withUnsafeBytes { add($0) } }

  /// Adds a file's content, read piece by piece.
  /// - Throws: `FileError`.
  public func add(contentsOf path: String) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, reason: systemError()) }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = buffer.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError(path: path, reason: systemError()) }
      guard count > 0 else { return }
      buffer.withUnsafeBytes { add(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
  }

  /// The digits; nothing can be added afterwards.
  public var digits: String { g_checksum_get_string(state).map { String(cString: $0) } ?? "" }

  /// The digest of a file's content.
  public static func of(contentsOf path: String) throws(FileError) -> String {
    let digest = FileDigest()
    try digest.add(contentsOf: path)
    return digest.digits
  }
}
