extension Tensor {
  /// All elements as float64, exact but for 64-bit integers beyond 2^53. For reference evaluation,
  /// not for kernels.
  public var doubles: [Double] {
    switch elementType {
    case .float32: elements(Float.self) { Double($0) }
    case .float64: elements(Double.self) { $0 }
    case .float16: elements(UInt16.self) { float16Value($0) }
    case .bfloat16: elements(UInt16.self) { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .uint64: elements(UInt64.self) { Double($0) }
    default: integers.map { Double($0) }
    }
  }

  /// All elements as 64-bit integers: `uint64` by bit pattern, floating point toward zero, bool as 0
  /// and 1.
  public var integers: [Int64] {
    switch elementType {
    case .int8: elements(Int8.self) { Int64($0) }
    case .uint8: elements(UInt8.self) { Int64($0) }
    case .int16: elements(Int16.self) { Int64($0) }
    case .uint16: elements(UInt16.self) { Int64($0) }
    case .int32: elements(Int32.self) { Int64($0) }
    case .uint32: elements(UInt32.self) { Int64($0) }
    case .int64, .uint64: elements(Int64.self) { $0 }
    case .bool: elements(UInt8.self) { $0 != 0 ? 1 : 0 }
    case .float16, .bfloat16, .float32, .float64:
      Tensor(TensorType(.int64, shape), doubles: doubles).integers
    }
  }

  /// All elements as `Float`.
  public var floats: [Float] {
    elementType == .float32 ? elements(Float.self) { $0 } : doubles.map { Float($0) }
  }

  /// All elements as `Bool`: `!= 0`.
  public var booleans: [Bool] {
    elementType.isFloatingPoint ? doubles.map { $0 != 0 } : integers.map { $0 != 0 }
  }

  /// The same values rounded to another element type as the initializers from `doubles` and
  /// `integers` do.
  public func converted(to elementType: ElementType) -> Tensor {
    if elementType == self.elementType { return self }
    if self.elementType == .float16, elementType == .float32 { return widenedFloat16 }
    if elementType == .float16, let halves { return halves }
    let type = type.with(elementType: elementType)
    if self.elementType == .uint64, elementType.isFloatingPoint { return Tensor(type, doubles: doubles) }
    return self.elementType.isFloatingPoint
      ? Tensor(type, doubles: doubles) : Tensor(type, integers: integers)
  }

  private func elements<T: BitwiseCopyable, R>(_: T.Type, _ transform: (T) -> R) -> [R] {
    withElements(as: T.self) { $0.map(transform) }
  }
}
