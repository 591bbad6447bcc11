import IRGraph
import IRTensor

/// The same values in another element type: floating point rounds to nearest even, to integers
/// truncates toward zero and wraps, to bool is `!= 0`.
public struct Cast: Operator {
  public var elementType: ElementType
  public static let name = "Cast"

  public init(to elementType: ElementType) { self.elementType = elementType }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    return [inputs[0].with(elementType: elementType)]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] { [inputs[0].converted(to: elementType)] }
}

extension Cast: DifferentiableOperator {
  /// A cast to integers lets nothing through.
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    let from = g.type(of: context.inputs[0]).elementType
    guard let c = context.ofOutputs[0], from.isFloatingPoint, elementType.isFloatingPoint else {
      return context.none
    }
    return [try g.value(Cast(to: from), [c])]
  }
}

/// Which elements are infinite, of the signs asked for.
public struct IsInfinite: Operator {
  public var detectsNegative: Bool
  public var detectsPositive: Bool
  public static let name = "IsInfinite"

  public init(detectsNegative: Bool = true, detectsPositive: Bool = true) {
    self.detectsNegative = detectsNegative
    self.detectsPositive = detectsPositive
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    return [inputs[0].with(elementType: .bool)]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let found = inputs[0].doubles.map { $0.isInfinite && ($0 > 0 ? detectsPositive : detectsNegative) }
    return [Tensor(found, shape: inputs[0].shape)]
  }
}
