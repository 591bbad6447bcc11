/// Float32 tensors that are stored as float16: weights of large models, which kernels read as they are
/// stored.
extension Tensor {
  /// Smaller tensors are widened at once.
  private static let leastElementCount = 4096

  /// The float16 numbers whose values the tensor has, of its shape; nil for a tensor with bytes of its own.
  package var halves: Tensor? {
    guard elementType == .float32, let numbers = storage.halves else { return nil }
    return Tensor(TensorType(.float16, shape), storage: numbers)
  }

  /// The float32 values of a float16 tensor. Those of a large one take no memory until something asks for
  /// their address.
  /// - Precondition: the tensor is float16.
  package var widenedFloat16: Tensor {
    precondition(elementType == .float16)
    let values = TensorStorage(widening: storage, count: elementCount)
    return Tensor(
      type.with(elementType: .float32),
      storage: elementCount < Self.leastElementCount ? values.widened() : values)
  }

  /// The first float32 values of float16 numbers, as bytes.
  func firstWidenedBytes(_ count: Int) -> [UInt8]? {
    guard let halves = storage.halves else { return nil }
    let first = TensorStorage(widening: halves, count: min(count / 4, elementCount)).widened()
    return Array(UnsafeRawBufferPointer(start: first.pointer, count: first.byteCount))
  }
}
