import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A block of memory, 64-byte aligned for the kernels and freed with its last reference.
///
/// Unchecked: the pointer never changes, and bytes are written before a storage is shared, or by the one
/// tensor that holds it (`Tensor.withUnsafeMutableBytes` copies a storage that others hold).
public final class TensorStorage: @unchecked Sendable {
  public static let alignment = 64

  public let byteCount: Int
  /// The float16 numbers whose float32 values this is; nil for memory with bytes of its own.
  package let halves: TensorStorage?
  private let own: UnsafeMutableRawPointer?
  private let release: (@Sendable (UnsafeMutableRawPointer) -> Void)?
  /// The values of `halves`, once somebody asked for their address.
  private let values = Mutex<TensorStorage?>(nil)

  /// The first byte. Values of float16 numbers have memory from the first call on.
  public var pointer: UnsafeMutableRawPointer { own ?? pointerToValues() }

  /// Larger blocks are mapped by themselves, so that the system has them back as soon as they are freed.
  private static let mappedByteCount = 1 << 20

  /// Uninitialised memory. At least one byte is allocated so that the pointer is valid.
  public init(byteCount: Int) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    halves = nil
    if byteCount > Self.mappedByteCount,
      let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      start != MAP_FAILED
    {
      own = start
      release = { munmap($0, byteCount) }
      return
    }
    own = .allocate(byteCount: Swift.max(byteCount, 1), alignment: Self.alignment)
    release = nil
  }

  /// Memory owned elsewhere (a mapped file); `release` runs once when the last reference goes.
  public init(
    borrowing pointer: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    own = pointer
    self.byteCount = byteCount
    self.release = release
    halves = nil
  }

  /// The float32 values of float16 numbers, which take memory of their own when their address is asked for.
  package init(widening halves: TensorStorage, count: Int) {
    precondition(halves.byteCount >= 2 * count)
    self.halves = halves
    byteCount = 4 * count
    own = nil
    release = nil
  }

  deinit {
    if let own { if let release { release(own) } else { own.deallocate() } }
  }

  private func pointerToValues() -> UnsafeMutableRawPointer {
    values.withLock { known in
      let storage = known ?? widened()
      known = storage
      return SendablePointer(address: storage.pointer)
    }.address
  }

  /// The bytes, for reading; values of float16 numbers have memory for as long as `body` reads.
  package func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    let read = halves == nil ? self : widened()
    defer { withExtendedLifetime(read) {} }
    return try body(UnsafeRawBufferPointer(start: read.pointer, count: byteCount))
  }

  /// The values of `halves` in memory that nobody else has.
  func widened() -> TensorStorage {
    guard let halves else { preconditionFailure("there are no float16 numbers") }
    let count = byteCount / 4
    let storage = TensorStorage(byteCount: byteCount)
    widenFloat16(
      halves.pointer.assumingMemoryBound(to: UInt16.self), count: count,
      into: storage.pointer.assumingMemoryBound(to: Float.self))
    return storage
  }

  private struct SendablePointer: @unchecked Sendable { var address: UnsafeMutableRawPointer }
}
