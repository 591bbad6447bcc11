import IRGraph
import IRTensor

/// A convolution, then the sum with another value, then an activation, in one pass over the result; made by
/// the compiler only.
///
/// Inputs x, weight, [bias], [residual of the result's type].
package struct FusedConvolution: ContractionOperator {
  package var convolution: Convolution
  package var hasBias: Bool
  package var hasResidual: Bool
  /// A function of one number, applied last; nil: none.
  package var activation: ElementwiseChain.Function?
  package static let name = "FusedConvolution"

  package init(
    _ convolution: Convolution, hasBias: Bool, hasResidual: Bool = false,
    activation: ElementwiseChain.Function? = nil
  ) {
    self.convolution = convolution
    self.hasBias = hasBias
    self.hasResidual = hasResidual
    self.activation = activation
  }

  /// How many inputs are the convolution's own.
  package var ownInputCount: Int { hasBias ? 3 : 2 }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    guard inputs.count == ownInputCount + (hasResidual ? 1 : 0) else {
      throw TypeError(
        "FusedConvolution.inputCount", "\(inputs.count) inputs, bias \(hasBias), residual \(hasResidual)")
    }
    let types = try convolution.outputTypes(for: Array(inputs[..<ownInputCount]))
    if hasResidual, inputs[ownInputCount] != types[0] {
      throw TypeError(
        "FusedConvolution.residual", "residual is \(inputs[ownInputCount]), must be \(types[0])")
    }
    if let activation, activation.operandCount != 1 {
      throw TypeError("FusedConvolution.activation", "\(activation.name) takes several numbers")
    }
    return types
  }

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    convolution.multiplyAddCount(for: Array(inputs.prefix(ownInputCount)))
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var result = convolution.evaluate(Array(inputs[..<ownInputCount]))
    if hasResidual { result = Binary(.add).evaluate([result[0], inputs[ownInputCount]]) }
    return activation?.operator.evaluate(result) ?? result
  }
}

extension FusedConvolution: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    guard input < ownInputCount else { return .eachAlone(types.outputs[output].shape.rank) }
    return convolution.axes(of: output, from: input, types)
  }
}
