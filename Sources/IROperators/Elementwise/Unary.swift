import IRGraph
import IRTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

package enum UnaryFunction: String, Hashable, Sendable, Codable, CaseIterable {
  case abs, neg, sqrt, reciprocal, reciprocalSqrt, square, exp, log
  case sigmoid, tanh, erf, relu, softplus, softsign, mish, hardSwish
  case sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh
  case ceil, floor, round, sign, not, isNaN, bitwiseNot
}

/// One function applied to every element, without parameters.
package struct Unary: Operator {
  package var function: UnaryFunction
  package static let name = "Unary"

  package init(_ function: UnaryFunction) { self.function = function }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let type = inputs[0]
    switch function {
    case .not:
      guard type.elementType == .bool else { throw TypeError("Unary.bool", "not of \(type)") }
    case .bitwiseNot:
      guard type.elementType.isInteger else { throw TypeError("Unary.integer", "bitwiseNot of \(type)") }
    case .isNaN:
      try requireFloating(type, Self.name)
      return [type.with(elementType: .bool)]
    case .abs, .neg, .sign, .relu, .square:
      guard type.elementType != .bool else {
        throw TypeError("Unary.numeric", "\(function.rawValue) of \(type)")
      }
    default: try requireFloating(type, Self.name)
    }
    return [type]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    if function == .isNaN {
      return [Tensor(x.type.with(elementType: .bool), integers: x.doubles.map { $0.isNaN ? 1 : 0 })]
    }
    if !x.elementType.isFloatingPoint {
      let isUnsigned = !x.elementType.isSigned
      return [Tensor(x.type, integers: x.integers.map { integer($0, isUnsigned: isUnsigned) })]
    }
    return [Tensor(x.type, doubles: x.doubles.map { function.value(at: $0) })]
  }

  private func integer(_ x: Int64, isUnsigned: Bool) -> Int64 {
    switch function {
    case .abs: isUnsigned || x >= 0 ? x : 0 &- x
    case .neg: 0 &- x
    case .sign: x == 0 ? 0 : (isUnsigned ? 1 : x.signum())
    case .relu: isUnsigned ? x : max(x, 0)
    case .square: x &* x
    case .not: x == 0 ? 1 : 0
    case .bitwiseNot: ~x
    default: x
    }
  }
}

extension UnaryFunction {
  /// The function in float64; `not`, `bitwiseNot` and `isNaN` are not numeric and give `x`.
  package func value(at x: Double) -> Double {
    switch self {
    case .abs: x.magnitude
    case .neg: -x
    case .sqrt: x.squareRoot()
    case .reciprocal: 1 / x
    case .reciprocalSqrt: 1 / x.squareRoot()
    case .square: x * x
    case .exp: mathExp(x)
    case .log: mathLog(x)
    case .sigmoid: logistic(x)
    case .tanh: mathTanh(x)
    case .erf: mathErf(x)
    case .relu: x.isNaN ? x : Swift.max(x, 0)
    case .softplus: logOnePlusExp(x)
    case .softsign: x / (1 + x.magnitude)
    case .mish: x * mathTanh(logOnePlusExp(x))
    case .hardSwish: x * Swift.max(0, Swift.min(1, x / 6 + 0.5))
    case .sin: mathSin(x)
    case .cos: mathCos(x)
    case .tan: mathTan(x)
    case .asin: mathAsin(x)
    case .acos: mathAcos(x)
    case .atan: mathAtan(x)
    case .sinh: mathSinh(x)
    case .cosh: mathCosh(x)
    case .asinh: mathAsinh(x)
    case .acosh: mathAcosh(x)
    case .atanh: mathAtanh(x)
    case .ceil: x.rounded(.up)
    case .floor: x.rounded(.down)
    case .round: x.rounded(.toNearestOrEven)
    case .sign: x.isNaN ? x : (x > 0 ? 1 : (x < 0 ? -1 : 0))
    case .not, .isNaN, .bitwiseNot: x
    }
  }
}

/// 1 / (1 + e^-x) without overflow.
func logistic(_ x: Double) -> Double {
  if x >= 0 { return 1 / (1 + mathExp(-x)) }
  let e = mathExp(x)
  return e / (1 + e)
}

/// log(1 + e^x) without overflow.
func logOnePlusExp(_ x: Double) -> Double { x > 0 ? x + mathLog1p(mathExp(-x)) : mathLog1p(mathExp(x)) }

extension Unary: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank)
  }
}

extension Unary: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let (x, y) = (context.inputs[0], context.outputs[0])
    switch function {
    case .ceil, .floor, .round, .sign, .not, .isNaN, .bitwiseNot: return context.none
    case .neg: return [try g.unary(.neg, c)]
    case .sqrt: return [try g.quotient(try g.affine(c, 0.5), y)]
    case .log: return [try g.quotient(c, x)]
    case .softsign: return [try g.quotient(c, try g.unary(.square, try g.affine(try g.unary(.abs, x), 1, 1)))]
    default: return [try g.product(c, try derivative(x, y, &g))]
    }
  }

  private func derivative(
    _ x: ValueID, _ y: ValueID, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    switch function {
    case .abs: return try g.unary(.sign, x)
    case .reciprocal: return try g.unary(.neg, try g.unary(.square, y))
    case .reciprocalSqrt: return try g.affine(try g.product(y, try g.unary(.square, y)), -0.5)
    case .square: return try g.affine(x, 2)
    case .exp: return y
    case .sigmoid: return try g.product(y, try g.affine(y, -1, 1))
    case .tanh: return try g.affine(try g.unary(.square, y), -1, 1)
    case .erf:
      let density = try g.unary(.exp, try g.unary(.neg, try g.unary(.square, x)))
      return try g.affine(density, 2 / Double.pi.squareRoot())
    case .relu: return try g.isPositive(y)
    case .softplus: return try g.unary(.sigmoid, x)
    case .mish:
      let t = try g.unary(.tanh, try g.unary(.softplus, x))
      let slope = try g.product(try g.affine(try g.unary(.square, t), -1, 1), try g.unary(.sigmoid, x))
      return try g.sum(t, try g.product(x, slope))
    case .hardSwish:
      // x / 3 + 1 / 2 between -3 and 3, then 1.
      let low = try g.isPositive(try g.affine(x, 1, 3))
      let high = try g.isPositive(try g.affine(x, 1, -3))
      let inside = try g.product(try g.difference(low, high), try g.affine(x, 1.0 / 3, 0.5))
      return try g.sum(inside, high)
    case .sin: return try g.unary(.cos, x)
    case .cos: return try g.unary(.neg, try g.unary(.sin, x))
    case .tan: return try g.affine(try g.unary(.square, y), 1, 1)
    case .asin: return try g.unary(.reciprocalSqrt, try g.affine(try g.unary(.square, x), -1, 1))
    case .acos:
      return try g.unary(.neg, try g.unary(.reciprocalSqrt, try g.affine(try g.unary(.square, x), -1, 1)))
    case .atan: return try g.unary(.reciprocal, try g.affine(try g.unary(.square, x), 1, 1))
    case .sinh: return try g.unary(.cosh, x)
    case .cosh: return try g.unary(.sinh, x)
    case .asinh: return try g.unary(.reciprocalSqrt, try g.affine(try g.unary(.square, x), 1, 1))
    case .acosh: return try g.unary(.reciprocalSqrt, try g.affine(try g.unary(.square, x), 1, -1))
    case .atanh: return try g.unary(.reciprocal, try g.affine(try g.unary(.square, x), -1, 1))
    case .neg, .sqrt, .log, .softsign, .ceil, .floor, .round, .sign, .not, .isNaN, .bitwiseNot:
      preconditionFailure("has a rule of its own")
    }
  }
}
