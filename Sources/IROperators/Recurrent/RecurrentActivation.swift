/// The functions that ONNX names for recurrent layers.
package enum RecurrentFunction: String, Hashable, Sendable, Codable, CaseIterable {
  case affine, elu, hardSigmoid, leakyRelu, relu, scaledTanh, sigmoid, softplus, softsign, tanh,
    thresholdedRelu

  /// Whether ONNX states an alpha and a beta of it, and their values where it states none.
  package var parameters: (alpha: Float?, beta: Float?) {
    switch self {
    case .affine: (1, 0)
    case .elu: (1, nil)
    case .hardSigmoid: (0.2, 0.5)
    case .leakyRelu: (0.01, nil)
    case .scaledTanh: (1, 1)
    case .thresholdedRelu: (1, nil)
    case .relu, .sigmoid, .softplus, .softsign, .tanh: (nil, nil)
    }
  }
}

/// One function of a recurrent layer with its parameters.
package struct RecurrentActivation: Hashable, Sendable, Codable {
  package var function: RecurrentFunction
  package var alpha: Float
  package var beta: Float

  /// Parameters that are not given are ONNX's own.
  package init(_ function: RecurrentFunction, alpha: Float? = nil, beta: Float? = nil) {
    self.function = function
    self.alpha = alpha ?? function.parameters.alpha ?? 0
    self.beta = beta ?? function.parameters.beta ?? 0
  }

  /// The function in float64.
  func value(at x: Double) -> Double {
    let (alpha, beta) = (Double(alpha), Double(beta))
    switch function {
    case .affine: return alpha * x + beta
    case .elu: return x < 0 ? alpha * mathExpm1(x) : x
    case .hardSigmoid: return max(0, min(1, alpha * x + beta))
    case .leakyRelu: return x < 0 ? alpha * x : x
    case .relu: return x.isNaN ? x : max(x, 0)
    case .scaledTanh: return alpha * mathTanh(beta * x)
    case .sigmoid: return logistic(x)
    case .softplus: return logOnePlusExp(x)
    case .softsign: return x / (1 + x.magnitude)
    case .tanh: return mathTanh(x)
    case .thresholdedRelu: return x > alpha ? x : 0
    }
  }
}
