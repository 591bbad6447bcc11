import IRGraph
import IRTensor

/// A convolution, then the sum with another value, then its rectification, in one pass over the result; made by the
/// compiler only. What is below zero is multiplied by `slope`.
///
/// Inputs x, weight, [bias], [residual of the result's type].
public struct FusedConvolution: ContractionOperator {
  public var convolution: Convolution
  public var hasBias: Bool
  public var hasResidual: Bool
  public var isRectified: Bool
  public var slope: Float
  public static let name = "FusedConvolution"

  public init(
    _ convolution: Convolution, hasBias: Bool, hasResidual: Bool, isRectified: Bool, slope: Float = 0
  ) {
    self.convolution = convolution
    self.hasBias = hasBias
    self.hasResidual = hasResidual
    self.isRectified = isRectified
    self.slope = slope
  }

  /// How many inputs are the convolution's own.
  package var ownInputCount: Int { hasBias ? 3 : 2 }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    guard inputs.count == ownInputCount + (hasResidual ? 1 : 0) else {
      throw TypeError(
        "FusedConvolution.inputCount", "\(inputs.count) inputs, bias \(hasBias), residual \(hasResidual)")
    }
    let types = try convolution.outputTypes(for: Array(inputs[..<ownInputCount]))
    if hasResidual, inputs[ownInputCount] != types[0] {
      throw TypeError(
        "FusedConvolution.residual", "residual is \(inputs[ownInputCount]), must be \(types[0])")
    }
    return types
  }

  public func multiplyAddCount(for inputs: [TensorType]) -> Int {
    convolution.multiplyAddCount(for: Array(inputs.prefix(ownInputCount)))
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var result = convolution.evaluate(Array(inputs[..<ownInputCount]))
    if hasResidual { result = Binary(.add).evaluate([result[0], inputs[ownInputCount]]) }
    if isRectified {
      result =
        slope == 0 ? Unary(.relu).evaluate(result) : Activation(.leakyRelu, alpha: slope).evaluate(result)
    }
    return result
  }
}
