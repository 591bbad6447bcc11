/// An element type and a shape: all that is known of a value before anything runs.
public struct TensorType: Hashable, Sendable, Codable {
  public var elementType: ElementType
  public var shape: Shape

  public init(_ elementType: ElementType, _ shape: Shape) {
    self.elementType = elementType
    self.shape = shape
  }

  public var byteCount: Int { shape.elementCount * elementType.byteCount }

  public func with(shape: Shape) -> TensorType { TensorType(elementType, shape) }
  public func with(elementType: ElementType) -> TensorType { TensorType(elementType, shape) }
}

extension TensorType: CustomStringConvertible {
  public var description: String { "\(elementType)\(shape)" }
}
