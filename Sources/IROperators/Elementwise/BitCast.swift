import IRGraph
import IRTensor

/// The same bits read as another element type of the same width; a bool is true for any bit.
package struct BitCast: Operator {
  package var elementType: ElementType
  package static let name = "BitCast"

  package init(to elementType: ElementType) { self.elementType = elementType }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard inputs[0].elementType.byteCount == elementType.byteCount else {
      throw TypeError("BitCast.width", "\(inputs[0].elementType) read as \(elementType)")
    }
    return [inputs[0].with(elementType: elementType)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let type = inputs[0].type.with(elementType: elementType)
    guard elementType == .bool else { return [Tensor(type, storage: inputs[0].storage)] }
    return [
      inputs[0].withUnsafeBytes { source in
        Tensor(type) { bytes in
          for index in source.indices { bytes[index] = source[index] != 0 ? 1 : 0 }
        }
      }
    ]
  }
}

extension BitCast: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank)
  }
}
