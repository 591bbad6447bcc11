import IRGraph
import IRTensor

/// The upper or lower triangle of matrices in the last two axes, from a diagonal on; zero elsewhere.
package struct Trilu: Operator {
  package var isUpper: Bool
  package var diagonal: Int
  package static let name = "Trilu"

  package init(isUpper: Bool = true, diagonal: Int = 0) {
    self.isUpper = isUpper
    self.diagonal = diagonal
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard inputs[0].shape.rank >= 2 else { throw TypeError("Trilu.rank", "needs matrices, has \(inputs[0])") }
    return inputs
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let size = inputs[0].elementType.byteCount
    // Beyond every matrix a diagonal makes no difference.
    let diagonal = min(max(diagonal, -2 * Graph.extentLimit), 2 * Graph.extentLimit)
    var result = inputs[0]
    result.withUnsafeMutableBytes { bytes in
      for index in 0..<shape.elementCount {
        let (row, column) = (index / columns % rows, index % columns)
        let distance = column - row - diagonal
        guard isUpper ? distance < 0 : distance > 0 else { continue }
        for byte in 0..<size { bytes[index * size + byte] = 0 }
      }
    }
    return [result]
  }
}

extension Trilu: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let rank = types.inputs[0].shape.rank
    return .eachAlone(rank, mixing: [rank - 2, rank - 1])
  }
}

extension Trilu: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(self, [c])]
  }
}
