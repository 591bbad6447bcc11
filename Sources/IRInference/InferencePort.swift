import IRONNX
import IRTensor

/// An input or output that a model declares.
public struct InferencePort: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case tensor, sequence, optional, other
  }

  public var name: String
  public var kind: Kind
  /// The element type as ONNX numbers it; 0 if none is declared. irkit does not support all of them.
  public var elementType: Int32
  /// The extents, nil for open ones; nil if no shape is declared.
  public var extents: [Int?]?
  /// The names of open extents; `""` for unnamed and fixed ones.
  public var symbols: [String]
  /// The type as ONNX Runtime writes it: `tensor(float)`, `seq(tensor(int64))`.
  public var typeText: String

  init(_ value: ONNXValueInfo) {
    name = value.name
    typeText = Self.text(value.type)
    (kind, elementType, extents, symbols) = (.other, 0, nil, [])
    switch value.type {
    case .sequence: kind = .sequence
    case .optional: kind = .optional
    case .tensor: kind = .tensor
    default: break
    }
    guard case .tensor(let type, let shape) = Self.element(of: value.type) else { return }
    elementType = type
    extents = shape?.map {
      if case .fixed(let extent) = $0, extent >= 0 { Int(clamping: extent) } else { nil }
    }
    symbols = shape?.map { if case .symbolic(let name) = $0 { name } else { "" } } ?? []
  }

  private static func element(of type: ONNXType) -> ONNXType {
    switch type {
    case .sequence(let inner), .optional(let inner): element(of: inner)
    default: type
    }
  }

  private static func text(_ type: ONNXType) -> String {
    switch type {
    case .tensor(let elementType, _): "tensor(\(name(of: elementType)))"
    case .sparseTensor(let elementType, _): "sparse_tensor(\(name(of: elementType)))"
    case .sequence(let inner): "seq(\(text(inner)))"
    case .optional(let inner): "optional(\(text(inner)))"
    case .map(let key, let value): "map(\(name(of: key)),\(text(value)))"
    case .opaque(let domain, let name): "opaque(\(domain).\(name))"
    case .none: "unknown"
    }
  }

  private static func name(of elementType: Int32) -> String {
    switch ElementType(rawValue: elementType) {
    case .float32: "float"
    case .float64: "double"
    case let type?: "\(type)"
    case nil: ONNXTensor.typeName(elementType)
    }
  }
}
