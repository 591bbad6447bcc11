/// Dense row-major data with a type: a value, copied on write.
public struct Tensor: Sendable {
  public private(set) var type: TensorType
  package private(set) var storage: TensorStorage

  public var shape: Shape { type.shape }
  public var elementType: ElementType { type.elementType }
  public var elementCount: Int { type.shape.elementCount }
  public var byteCount: Int { type.byteCount }

  /// Wraps storage that holds at least the type's bytes.
  public init(_ type: TensorType, storage: TensorStorage) {
    precondition(storage.byteCount >= type.byteCount, "storage is smaller than \(type)")
    self.type = type
    self.storage = storage
  }

  /// A tensor whose bytes `initialize` writes, every one of them.
  public init<E: Error>(
    _ type: TensorType, initializingWith initialize: (UnsafeMutableRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    let storage = TensorStorage(byteCount: type.byteCount)
    try initialize(UnsafeMutableRawBufferPointer(start: storage.pointer, count: type.byteCount))
    self.init(type, storage: storage)
  }

  /// The same elements under another shape of as many elements; no copy.
  public func reshaped(to shape: Shape) -> Tensor {
    precondition(shape.elementCount == elementCount, "\(self.shape) cannot be read as \(shape)")
    return Tensor(type.with(shape: shape), storage: storage)
  }

  /// The tensor's bytes, for reading. Values of float16 numbers (`halves`) have memory for as long as `body`
  /// reads.
  public func withUnsafeBytes<R, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    try storage.withUnsafeBytes { (bytes) throws(E) -> R in
      try body(UnsafeRawBufferPointer(rebasing: bytes.prefix(byteCount)))
    }
  }

  /// The tensor's bytes, for writing; copied first where the storage is shared.
  public mutating func withUnsafeMutableBytes<R, E: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    if storage.halves != nil {
      storage = storage.widened()
    } else if !isKnownUniquelyReferenced(&storage) {
      let copy = TensorStorage(byteCount: byteCount)
      copy.pointer.copyMemory(from: storage.pointer, byteCount: byteCount)
      storage = copy
    }
    return try body(UnsafeMutableRawBufferPointer(start: storage.pointer, count: byteCount))
  }

  /// The elements as `T`, for reading.
  /// - Precondition: `T` has the element type's size.
  public func withElements<T: BitwiseCopyable, R, E: Error>(
    as _: T.Type, _ body: (UnsafeBufferPointer<T>) throws(E) -> R
  ) throws(E) -> R {
    precondition(MemoryLayout<T>.size == elementType.byteCount, "\(T.self) is not \(elementType)")
    return try storage.withUnsafeBytes { (bytes) throws(E) -> R in
      let start = bytes.baseAddress?.assumingMemoryBound(to: T.self)
      return try body(UnsafeBufferPointer(start: start, count: elementCount))
    }
  }
}

extension Tensor: Equatable {
  /// Same type and the same bytes: NaNs equal themselves, 0 and -0 differ.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.type == b.type else { return false }
    if a.storage === b.storage { return true }
    if let x = a.halves, let y = b.halves { return x == y }
    return a.withUnsafeBytes { x in b.withUnsafeBytes { y in x.elementsEqual(y) } }
  }
}

extension Tensor: Hashable {
  private static let hashedByteCount = 256

  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    if let first = firstWidenedBytes(Self.hashedByteCount) {
      return first.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    withUnsafeBytes {
      hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0.prefix(Self.hashedByteCount)))
    }
  }
}
