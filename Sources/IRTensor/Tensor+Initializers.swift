extension Tensor {
  public init(_ values: [Float], shape: Shape) {
    self.init(copying: values, TensorType(.float32, shape))
  }

  public init(_ values: [Int64], shape: Shape) {
    self.init(copying: values, TensorType(.int64, shape))
  }

  public init(_ values: [Bool], shape: Shape) {
    self.init(copying: values.map { $0 ? UInt8(1) : 0 }, TensorType(.bool, shape))
  }

  public init(scalar value: Float) { self.init([value], shape: .scalar) }

  /// A tensor of zeros.
  public init(zeros type: TensorType) {
    self.init(type) { bytes in bytes.initializeMemory(as: UInt8.self, repeating: 0) }
  }

  /// Every element set to `value`, rounded to the element type.
  public init(_ type: TensorType, repeating value: Double) {
    self.init(type, doubles: [Double](repeating: value, count: type.shape.elementCount))
  }

  init<T: BitwiseCopyable>(copying values: [T], _ type: TensorType) {
    precondition(values.count == type.shape.elementCount, "\(values.count) values for \(type)")
    precondition(MemoryLayout<T>.size == type.elementType.byteCount)
    self.init(type) { bytes in values.withUnsafeBytes { bytes.copyMemory(from: $0) } }
  }

  /// Rounds each value to the element type: to nearest even for floating point, toward zero and
  /// wrapped (two's complement) for integers, `!= 0` for bool.
  public init(_ type: TensorType, doubles: [Double]) {
    precondition(doubles.count == type.shape.elementCount, "\(doubles.count) values for \(type)")
    switch type.elementType {
    case .float32: self.init(copying: doubles.map { Float($0) }, type)
    case .float64: self.init(copying: doubles, type)
    case .float16: self.init(copying: doubles.map { float16Bits($0) }, type)
    case .bfloat16: self.init(copying: doubles.map { bfloat16Bits($0) }, type)
    case .bool: self.init(copying: doubles.map { $0 != 0 ? UInt8(1) : 0 }, type)
    default: self.init(type, integers: doubles.map { wrappedInteger($0) })
    }
  }

  /// Truncates each value to the element type's low bits (two's complement); `uint64` takes the bit
  /// pattern. Floating-point types convert the signed value, `bool` is `!= 0`.
  public init(_ type: TensorType, integers: [Int64]) {
    precondition(integers.count == type.shape.elementCount, "\(integers.count) values for \(type)")
    switch type.elementType {
    case .int8: self.init(copying: integers.map { Int8(truncatingIfNeeded: $0) }, type)
    case .uint8: self.init(copying: integers.map { UInt8(truncatingIfNeeded: $0) }, type)
    case .int16: self.init(copying: integers.map { Int16(truncatingIfNeeded: $0) }, type)
    case .uint16: self.init(copying: integers.map { UInt16(truncatingIfNeeded: $0) }, type)
    case .int32: self.init(copying: integers.map { Int32(truncatingIfNeeded: $0) }, type)
    case .uint32: self.init(copying: integers.map { UInt32(truncatingIfNeeded: $0) }, type)
    case .int64, .uint64: self.init(copying: integers, type)
    case .bool: self.init(copying: integers.map { $0 != 0 ? UInt8(1) : 0 }, type)
    case .float16, .bfloat16, .float32, .float64: self.init(type, doubles: integers.map { Double($0) })
    }
  }
}

/// Toward zero, wrapped into 64 bits as C compilers on x86 and NumPy do for in-range values; NaN is 0
/// and values beyond 64 bits saturate.
private func wrappedInteger(_ value: Double) -> Int64 {
  if value.isNaN { return 0 }
  if value >= 9_223_372_036_854_775_808 {
    return value >= 18_446_744_073_709_551_616 ? -1 : Int64(bitPattern: UInt64(value))
  }
  return value <= -9_223_372_036_854_775_808 ? .min : Int64(value)
}
