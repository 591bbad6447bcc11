import CIRSystem
import Glibc

/// The digest of FIPS 180-4, by which files are recognised.
package struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
  ]
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0

  package init() {}

  /// The digest of bytes in hexadecimal.
  package static func hexadecimal(_ bytes: some Collection<UInt8>) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finished()
  }

  /// The digest of a file's content in hexadecimal.
  /// - Throws: `FileError`.
  package static func hexadecimal(contentsOf path: String) throws(FileError) -> String {
    var hash = SHA256()
    try hash.update(contentsOf: path)
    return hash.finished()
  }

  package mutating func update(_ bytes: some Collection<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { update($0) }
    }
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount += UInt64(bytes.count)
    var start = 0
    if !rest.isEmpty {
      start = min(64 - rest.count, bytes.count)
      rest += bytes[..<start]
      guard rest.count == 64 else { return }
      rest.withUnsafeBytes { ir_sha256_blocks(&state, $0.baseAddress, 1) }
      rest = []
    }
    let end = start + (bytes.count - start) / 64 * 64
    ir_sha256_blocks(&state, bytes.baseAddress?.advanced(by: start), (end - start) / 64)
    rest += bytes[end...]
  }

  /// Adds a file's content, read piece by piece.
  /// - Throws: `FileError`.
  package mutating func update(contentsOf path: String) throws(FileError) {
    let descriptor = try FilePath(path).opened()
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try buffer.read(from: descriptor, path)
      guard count > 0 else { return }
      buffer.withUnsafeBytes { update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
  }

  /// Ends the text and returns its digest.
  package mutating func finished() -> String {
    let bitCount = byteCount &* 8
    let padding = [0x80] + [UInt8](repeating: 0, count: (119 - rest.count) % 64)
    update(padding + (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * $0)) })
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }
}
