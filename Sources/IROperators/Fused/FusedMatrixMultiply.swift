import IRGraph
import IRTensor

/// Products of matrices, then the sums with a number for each column and with another value, then a function
/// of each number, in one pass over the result; made by the compiler only.
///
/// Inputs a `[…, M, K]`, b of rank 2, [bias `[N]`], [residual of the result's type].
package struct FusedMatrixMultiply: ContractionOperator {
  package var product: MatrixMultiply
  package var hasBias: Bool
  package var hasResidual: Bool
  /// A function of one number, applied last; nil: none.
  package var activation: ElementwiseChain.Function?
  package static let name = "FusedMatrixMultiply"

  package init(
    _ product: MatrixMultiply, hasBias: Bool = false, hasResidual: Bool = false,
    activation: ElementwiseChain.Function? = nil
  ) {
    self.product = product
    self.hasBias = hasBias
    self.hasResidual = hasResidual
    self.activation = activation
  }

  /// The input that is the bias, and the one that is the residual.
  package var biasIndex: Int? { hasBias ? 2 : nil }
  package var residualIndex: Int? { hasResidual ? (hasBias ? 3 : 2) : nil }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    let count = 2 + (hasBias ? 1 : 0) + (hasResidual ? 1 : 0)
    guard inputs.count == count else {
      throw TypeError(
        "FusedMatrixMultiply.inputCount",
        "\(inputs.count) inputs, bias \(hasBias), residual \(hasResidual)")
    }
    let types = try product.outputTypes(for: Array(inputs[..<2]))
    guard inputs[1].shape.rank == 2 else {
      throw TypeError("FusedMatrixMultiply.oneMatrix", "b of shape \(inputs[1].shape)")
    }
    let columns = types[0].shape[types[0].shape.rank - 1]
    if let index = biasIndex, inputs[index] != types[0].with(shape: [columns]) {
      throw TypeError("FusedMatrixMultiply.bias", "bias is \(inputs[index]), for \(columns) columns")
    }
    if let index = residualIndex, inputs[index] != types[0] {
      throw TypeError("FusedMatrixMultiply.residual", "residual is \(inputs[index]), must be \(types[0])")
    }
    if let activation, activation.operandCount != 1 {
      throw TypeError("FusedMatrixMultiply.activation", "\(activation.name) takes several numbers")
    }
    return types
  }

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    product.multiplyAddCount(for: Array(inputs.prefix(2)))
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var result = product.evaluate(Array(inputs[..<2]))
    for addend in inputs.dropFirst(2) { result = Binary(.add).evaluate([result[0], addend]) }
    return activation?.operator.evaluate(result) ?? result
  }
}

extension FusedMatrixMultiply: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let rank = types.outputs[output].shape.rank
    if input < 2 { return product.axes(of: output, from: input, types) }
    return input == residualIndex
      ? .eachAlone(rank) : [AxisRelation](repeating: .new, count: rank - 1) + [.same(0)]
  }
}
