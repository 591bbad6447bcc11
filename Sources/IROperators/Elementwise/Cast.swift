import IRGraph
import IRTensor

/// The same values in another element type: floating point rounds to nearest even, to integers
/// truncates toward zero and wraps, to bool is `!= 0`.
package struct Cast: Operator {
  package var elementType: ElementType
  package static let name = "Cast"

  package init(to elementType: ElementType) { self.elementType = elementType }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    return [inputs[0].with(elementType: elementType)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] { [inputs[0].converted(to: elementType)] }
}

extension Cast: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank)
  }
}

extension Cast: DifferentiableOperator {
  /// A cast to integers lets nothing through.
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    let from = g.type(of: context.inputs[0]).elementType
    guard let c = context.ofOutputs[0], from.isFloatingPoint, elementType.isFloatingPoint else {
      return context.none
    }
    return [try g.value(Cast(to: from), [c])]
  }
}
