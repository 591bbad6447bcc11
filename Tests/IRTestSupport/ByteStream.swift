import Glibc
import Testing

/// Calls `body` with a descriptor that gives these bytes, some at a time, and then ends. It is a socket: a
/// reader may leave early, and a write to a pipe without a reader would end the process.
package func withByteStream<R>(_ bytes: [UInt8], _ body: (Int32) throws -> R) throws -> R {
  var ends: [Int32] = [0, 0]
  try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
  defer { close(ends[0]) }
  let writer = Unmanaged.passRetained(Writer(ends[1], bytes))
  var thread = pthread_t()
  let failure = pthread_create(
    &thread, nil,
    { argument in
      if let argument { Unmanaged<Writer>.fromOpaque(argument).takeRetainedValue().write() }
      return nil
    }, writer.toOpaque())
  try #require(failure == 0)
  pthread_detach(thread)
  return try body(ends[0])
}

private final class Writer {
  private let descriptor: Int32
  private let bytes: [UInt8]

  init(_ descriptor: Int32, _ bytes: [UInt8]) {
    self.descriptor = descriptor
    self.bytes = bytes
  }

  func write() {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.prefix(999).withUnsafeBytes {
        send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    close(descriptor)
  }
}
