import IRGraph
import IRTensor

/// Which elements are infinite, of the signs asked for.
package struct IsInfinite: Operator {
  package var detectsNegative: Bool
  package var detectsPositive: Bool
  package static let name = "IsInfinite"

  package init(detectsNegative: Bool = true, detectsPositive: Bool = true) {
    self.detectsNegative = detectsNegative
    self.detectsPositive = detectsPositive
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    return [inputs[0].with(elementType: .bool)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let found = inputs[0].doubles.map { $0.isInfinite && ($0 > 0 ? detectsPositive : detectsNegative) }
    return [Tensor(found, shape: inputs[0].shape)]
  }
}

extension IsInfinite: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank)
  }
}
