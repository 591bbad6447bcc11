import IRGraph
import IRTensor

public enum ActivationFunction: String, Hashable, Sendable, Codable, CaseIterable {
  /// x Φ(x), with the error function.
  case gelu
  /// x / 2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case geluTanh
  /// x for x ≥ 0, alpha x below.
  case leakyRelu
  /// x for x ≥ 0, alpha (e^x - 1) below.
  case elu
  /// beta x for x > 0, beta alpha (e^x - 1) below.
  case selu
  /// max(x, 0) + min(0, alpha (e^(x/alpha) - 1)).
  case celu
  /// alpha x + beta, clipped to 0...1.
  case hardSigmoid
  /// x / (1 + e^(-alpha x)).
  case swish
  /// x where x > alpha, else 0.
  case thresholdedRelu
  /// x clipped to alpha...beta.
  case clip
}

/// One function applied to every element, with up to two parameters.
public struct Activation: Operator {
  public var function: ActivationFunction
  public var alpha: Float
  public var beta: Float
  public static let name = "Activation"

  public init(_ function: ActivationFunction, alpha: Float = 0, beta: Float = 0) {
    self.function = function
    self.alpha = alpha
    self.beta = beta
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    return inputs
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [Tensor(inputs[0].type, doubles: inputs[0].doubles.map { value(at: $0) })]
  }

  /// The function in float64.
  package func value(at x: Double) -> Double {
    let (alpha, beta) = (Double(alpha), Double(beta))
    switch function {
    case .gelu: return 0.5 * x * (1 + mathErf(x * 0.5.squareRoot()))
    case .geluTanh:
      return 0.5 * x * (1 + mathTanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .leakyRelu: return x < 0 ? alpha * x : x
    case .elu: return x < 0 ? alpha * mathExpm1(x) : x
    case .selu: return x > 0 ? beta * x : beta * alpha * mathExpm1(x)
    case .celu: return max(x, 0) + min(0, alpha * mathExpm1(x / alpha))
    case .hardSigmoid: return max(0, min(1, alpha * x + beta))
    case .swish: return x * logistic(alpha * x)
    case .thresholdedRelu: return x > alpha ? x : 0
    case .clip: return x.isNaN ? x : min(max(x, alpha), beta)
    }
  }
}
