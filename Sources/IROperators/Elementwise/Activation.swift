import IRGraph
import IRTensor

package enum ActivationFunction: String, Hashable, Sendable, Codable, CaseIterable {
  /// x Φ(x), with the error function.
  case gelu
  /// x / 2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
  case geluTanh
  /// Φ(x) + x φ(x), the derivative of gelu.
  case geluSlope
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
  /// alpha x + beta.
  case affine
}

/// One function applied to every element, with up to two parameters.
package struct Activation: Operator {
  package var function: ActivationFunction
  package var alpha: Float
  package var beta: Float
  package static let name = "Activation"

  package init(_ function: ActivationFunction, alpha: Float = 0, beta: Float = 0) {
    self.function = function
    self.alpha = alpha
    self.beta = beta
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    return inputs
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [Tensor(inputs[0].type, doubles: inputs[0].doubles.map { value(at: $0) })]
  }

  /// The function in float64.
  package func value(at x: Double) -> Double {
    let (alpha, beta) = (Double(alpha), Double(beta))
    switch function {
    case .gelu: return 0.5 * x * (1 + mathErf(x * 0.5.squareRoot()))
    case .geluTanh:
      return 0.5 * x * (1 + mathTanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .geluSlope:
      // x may be infinite; its density is then 0.
      let density = (0.5 / Double.pi).squareRoot() * mathExp(-0.5 * x * x)
      return 0.5 * (1 + mathErf(x * 0.5.squareRoot())) + (density == 0 ? 0 : x * density)
    case .leakyRelu: return x < 0 ? alpha * x : x
    case .elu: return x < 0 ? alpha * mathExpm1(x) : x
    case .selu: return x > 0 ? beta * x : beta * alpha * mathExpm1(x)
    case .celu: return max(x, 0) + min(0, alpha * mathExpm1(x / alpha))
    case .hardSigmoid: return max(0, min(1, alpha * x + beta))
    case .swish: return x * logistic(alpha * x)
    case .thresholdedRelu: return x > alpha ? x : 0
    case .clip: return x.isNaN ? x : min(max(x, alpha), beta)
    case .affine: return alpha * x + beta
    }
  }
}

extension Activation: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank)
  }
}

extension Activation: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    if function == .affine { return [try g.affine(c, Double(alpha))] }
    return [try g.product(c, try derivative(context.inputs[0], context.outputs[0], &g))]
  }

  private func derivative(
    _ x: ValueID, _ y: ValueID, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    let (alpha, beta) = (Double(alpha), Double(beta))
    switch function {
    case .gelu: return try g.value(Activation(.geluSlope), [x])
    case .geluSlope:
      // (2 - x²) φ(x).
      let square = try g.unary(.square, x)
      let density = try g.unary(.exp, try g.affine(square, -0.5))
      let factor = (0.5 / Double.pi).squareRoot()
      return try g.product(density, try g.affine(square, -factor, 2 * factor))
    case .geluTanh:
      let k = (2 / Double.pi).squareRoot()
      let square = try g.unary(.square, x)
      let t = try g.unary(.tanh, try g.product(x, try g.affine(square, 0.044715 * k, k)))
      let inner = try g.product(x, try g.affine(square, 1.5 * 0.044715 * k, 0.5 * k))
      let slope = try g.product(inner, try g.affine(try g.unary(.square, t), -1, 1))
      return try g.sum(try g.affine(t, 0.5, 0.5), slope)
    case .leakyRelu: return try g.affine(try g.isPositive(x), 1 - alpha, alpha)
    case .elu: return try choice(x, 1, try g.affine(y, 1, alpha), &g)
    case .selu: return try choice(x, beta, try g.affine(y, 1, beta * alpha), &g)
    case .celu: return try choice(x, 1, try g.affine(y, 1 / alpha, 1), &g)
    case .hardSigmoid:
      let inside = try g.product(try g.isPositive(y), try g.isPositive(try g.affine(y, -1, 1)))
      return try g.affine(inside, alpha)
    case .swish:
      let s = try g.unary(.sigmoid, try g.affine(x, alpha))
      return try g.sum(s, try g.product(try g.affine(y, alpha), try g.affine(s, -1, 1)))
    case .thresholdedRelu: return try g.isPositive(try g.affine(x, 1, -alpha))
    case .clip:
      // 1 at the bounds themselves.
      let low = try g.affine(try g.isPositive(try g.affine(x, -1, alpha)), -1, 1)
      let high = try g.affine(try g.isPositive(try g.affine(x, 1, -beta)), -1, 1)
      return try g.product(low, high)
    case .affine: preconditionFailure("has no derivative that depends on x")
    }
  }

  /// `positive` where x > 0, else `other`.
  private func choice(
    _ x: ValueID, _ positive: Double, _ other: ValueID, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    let mask = try g.isPositive(x)
    return try g.sum(try g.affine(mask, positive), try g.product(try g.affine(mask, -1, 1), other))
  }
}
