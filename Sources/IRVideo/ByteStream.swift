import Glibc

/// Bytes from a descriptor, in lines and blocks.
final class ByteStream {
  private let descriptor: Int32
  /// Bytes that were read and not taken.
  private var pending: ArraySlice<UInt8>
  private static let pieceByteCount = 1 << 18

  /// `first` are bytes that were read from it already.
  init(_ descriptor: Int32, first: [UInt8]) { (self.descriptor, pending) = (descriptor, first[...]) }

  /// Reads on.
  /// - Returns: whether there was more.
  private func readOn(_ wanted: Int) throws(VideoError) -> Bool {
    var failure: Int32?
    let count = max(1, min(wanted, Self.pieceByteCount))
    let piece = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var found = read(descriptor, buffer.baseAddress, count)
      while found < 0, errno == EINTR { found = read(descriptor, buffer.baseAddress, count) }
      if found < 0 { failure = errno }
      initialized = max(0, found)
    }
    if let failure { throw .unreadable(String(cString: strerror(failure))) }
    pending += piece
    return !piece.isEmpty
  }

  /// A line without its end; nil where nothing is left.
  /// - Throws: `VideoError.header` for one that is too long or has no end.
  func line(limit: Int) throws(VideoError) -> String? {
    while true {
      if let end = pending.firstIndex(of: UInt8(ascii: "\n")), end - pending.startIndex <= limit {
        defer { pending = pending[(end + 1)...] }
        return String(decoding: pending[..<end], as: UTF8.self)
      }
      guard pending.count <= limit else { throw .header("a line of it has more than \(limit) bytes") }
      guard try readOn(limit + 1 - pending.count) else {
        if pending.isEmpty { return nil }
        throw .header("a line of it has no end")
      }
    }
  }

  /// So many bytes; fewer where the stream ends.
  func bytes(_ count: Int) throws(VideoError) -> [UInt8] {
    var result = Array(pending.prefix(count))
    pending = pending.dropFirst(result.count)
    // The bytes that a stream claims are allocated as it comes.
    while result.count < count {
      guard try readOn(count - result.count) else { break }
      result += pending
      pending = []
    }
    return result
  }
}
