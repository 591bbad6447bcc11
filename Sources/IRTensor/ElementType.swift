/// The type of a tensor's elements. The raw value is ONNX's `TensorProto.DataType` number, the one
/// fact both the graph and the file format have to agree on.
public enum ElementType: Int32, CaseIterable, Hashable, Sendable, Codable {
  case float32 = 1
  case uint8 = 2
  case int8 = 3
  case uint16 = 4
  case int16 = 5
  case int32 = 6
  case int64 = 7
  case bool = 9
  case float16 = 10
  case float64 = 11
  case uint32 = 12
  case uint64 = 13
  case bfloat16 = 16

  public var byteCount: Int {
    switch self {
    case .int8, .uint8, .bool: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .uint64, .float64: 8
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  /// True for the eight integer types; `bool` is not a number.
  public var isInteger: Bool { !isFloatingPoint && self != .bool }

  public var isSigned: Bool {
    switch self {
    case .int8, .int16, .int32, .int64, .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  /// Width in bits of an integer type; 0 for the others.
  public var integerBitWidth: Int { isInteger ? byteCount * 8 : 0 }
}

extension ElementType: CustomStringConvertible {
  /// The name in text forms: `float32`, `bool`, …
  public var description: String {
    switch self {
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float32: "float32"
    case .float64: "float64"
    case .int8: "int8"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .uint8: "uint8"
    case .uint16: "uint16"
    case .uint32: "uint32"
    case .uint64: "uint64"
    case .bool: "bool"
    }
  }

  public init?(_ description: String) {
    guard let match = Self.allCases.first(where: { $0.description == description }) else { return nil }
    self = match
  }
}
