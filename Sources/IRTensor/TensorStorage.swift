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

  public let pointer: UnsafeMutableRawPointer
  public let byteCount: Int
  private let release: (@Sendable (UnsafeMutableRawPointer) -> Void)?

  /// Larger blocks are mapped by themselves, so that the system has them back as soon as they are freed.
  private static let mappedByteCount = 1 << 20

  /// Uninitialised memory. At least one byte is allocated so that the pointer is valid.
  public init(byteCount: Int) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    if byteCount > Self.mappedByteCount,
      let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      start != MAP_FAILED
    {
      pointer = start
      release = { munmap($0, byteCount) }
      return
    }
    pointer = .allocate(byteCount: Swift.max(byteCount, 1), alignment: Self.alignment)
    release = nil
  }

  /// Memory owned elsewhere (a mapped file); `release` runs once when the last reference goes.
  public init(
    borrowing pointer: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
  ) {
    self.pointer = pointer
    self.byteCount = byteCount
    self.release = release
  }

  deinit {
    if let release { release(pointer) } else { pointer.deallocate() }
  }
}
