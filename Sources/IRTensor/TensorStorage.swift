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
  private let isMappedFile: Bool
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
    isMappedFile = false
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

  /// Memory owned elsewhere; `release` runs once when the last reference goes.
  public convenience init(
    borrowing pointer: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    self.init(pointer, byteCount, isMappedFile: false, release)
  }

  /// A part of a file that is mapped for reading; `release` runs once when the last reference goes.
  package convenience init(
    mapped pointer: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    self.init(pointer, byteCount, isMappedFile: true, release)
  }

  private init(
    _ pointer: UnsafeMutableRawPointer, _ byteCount: Int, isMappedFile: Bool,
    _ release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    own = pointer
    self.byteCount = byteCount
    self.isMappedFile = isMappedFile
    self.release = release
    halves = nil
  }

  /// The float32 values of float16 numbers, which take memory of their own when their address is asked for.
  package init(widening halves: TensorStorage, count: Int) {
    precondition(halves.byteCount >= 2 * count)
    self.halves = halves
    byteCount = 4 * count
    own = nil
    isMappedFile = false
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

  /// Takes a mapped file's pages out of the process; the next read brings them back. Other memory stays.
  package func releasePages() {
    guard isMappedFile, let own else { return }
    let size = sysconf(Int32(_SC_PAGESIZE))
    let (start, end) = (UInt(bitPattern: own), UInt(bitPattern: own) + UInt(byteCount))
    let (first, last) = ((start + UInt(size) - 1) / UInt(size), end / UInt(size))
    guard first < last else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: first * UInt(size)), Int(last - first) * size, MADV_DONTNEED)
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
