/// A block of memory, 64-byte aligned for the kernels and freed with its last reference.
public final class TensorStorage: @unchecked Sendable {
  public static let alignment = 64

  public let pointer: UnsafeMutableRawPointer
  public let byteCount: Int
  private let release: (@Sendable (UnsafeMutableRawPointer) -> Void)?

  /// Uninitialised memory. At least one byte is allocated so that the pointer is valid.
  public init(byteCount: Int) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
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
