import IRGraph
import IRTensor

package enum BinaryFunction: String, Hashable, Sendable, Codable, CaseIterable {
  case add, subtract, multiply
  /// Integers divide toward zero; by zero gives 0.
  case divide
  case minimum, maximum, power
  /// The remainder with the divisor's sign.
  case modulo
  /// The remainder with the dividend's sign, as C's `fmod`.
  case remainder
  /// a for a ≥ 0, a b below.
  case parametricRelu
  case and, or, xor
  case equal, less, lessOrEqual, greater, greaterOrEqual
  case bitwiseAnd, bitwiseOr, bitwiseXor
  /// Bits moved by a count; those moved out are lost, and a count outside the element's width moves all of
  /// them. To the right signed integers keep their sign.
  case shiftLeft, shiftRight

  package var isComparison: Bool {
    switch self {
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }

  var isShift: Bool { self == .shiftLeft || self == .shiftRight }

  var isLogical: Bool { self == .and || self == .or || self == .xor }
}

/// A function of two operands, element by element under NumPy's broadcasting.
package struct Binary: Operator {
  package var function: BinaryFunction
  package static let name = "Binary"

  package init(_ function: BinaryFunction) { self.function = function }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    let (a, b) = (inputs[0], inputs[1])
    guard let shape = a.shape.broadcast(with: b.shape) else {
      throw TypeError("Binary.broadcast", "\(a.shape) and \(b.shape) do not broadcast")
    }
    if function != .power { try requireSameElementType(inputs, Self.name) }
    if function.isLogical {
      guard a.elementType == .bool else {
        throw TypeError("Binary.bool", "\(function.rawValue) of \(a.elementType)")
      }
    } else if !function.isComparison, a.elementType == .bool || b.elementType == .bool {
      throw TypeError("Binary.numeric", "\(function.rawValue) of bool")
    }
    if function.isShift, !a.elementType.isInteger {
      throw TypeError("Binary.integer", "\(function.rawValue) of \(a.elementType)")
    }
    return [TensorType(function.isComparison ? .bool : a.elementType, shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let shape = inputs[0].shape.broadcast(with: inputs[1].shape) else {
      preconditionFailure("checked by outputTypes")
    }
    let a = inputs[0].broadcast(to: shape)
    let b = inputs[1].broadcast(to: shape)
    let isFloating = a.elementType.isFloatingPoint || b.elementType.isFloatingPoint
    let type = TensorType(function.isComparison ? .bool : a.elementType, shape)
    if isFloating {
      return [Tensor(type, doubles: zip(a.doubles, b.doubles).map { function.value(at: $0, $1) })]
    }
    let isUnsigned = a.elementType == .uint64
    return [Tensor(type, integers: zip(a.integers, b.integers).map { function.integer($0, $1, isUnsigned) })]
  }
}

extension BinaryFunction {
  /// The function in float64, comparisons as 0 and 1.
  package func value(at a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .minimum: a.isNaN || b.isNaN ? .nan : Swift.min(a, b)
    case .maximum: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
    case .power: mathPow(a, b)
    case .modulo: floored(a, b)
    case .remainder: mathFmod(a, b)
    case .parametricRelu: a < 0 ? a * b : a
    case .equal: a == b ? 1 : 0
    case .less: a < b ? 1 : 0
    case .lessOrEqual: a <= b ? 1 : 0
    case .greater: a > b ? 1 : 0
    case .greaterOrEqual: a >= b ? 1 : 0
    case .and, .or, .xor, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: a
    }
  }

  private func floored(_ a: Double, _ b: Double) -> Double {
    let r = mathFmod(a, b)
    return r != 0 && (r < 0) != (b < 0) ? r + b : r
  }

  /// The function on 64-bit integers, wrapping; comparisons as 0 and 1.
  func integer(_ a: Int64, _ b: Int64, _ isUnsigned: Bool) -> Int64 {
    let isLess = isUnsigned ? UInt64(bitPattern: a) < UInt64(bitPattern: b) : a < b
    switch self {
    case .add: return a &+ b
    case .subtract: return a &- b
    case .multiply: return a &* b
    case .divide:
      if b == 0 { return 0 }
      if isUnsigned { return Int64(bitPattern: UInt64(bitPattern: a) / UInt64(bitPattern: b)) }
      return a.dividedReportingOverflow(by: b).partialValue
    case .minimum: return isLess ? a : b
    case .maximum: return isLess ? b : a
    case .power: return integerPower(a, b)
    case .modulo, .remainder:
      if b == 0 { return 0 }
      if isUnsigned { return Int64(bitPattern: UInt64(bitPattern: a) % UInt64(bitPattern: b)) }
      let r = a.remainderReportingOverflow(dividingBy: b).partialValue
      return self == .modulo && r != 0 && (r < 0) != (b < 0) ? r + b : r
    case .parametricRelu: return a < 0 ? a &* b : a
    case .and, .bitwiseAnd: return a & b
    case .or, .bitwiseOr: return a | b
    case .xor, .bitwiseXor: return a ^ b
    case .shiftLeft: return (0..<64).contains(b) ? a << b : 0
    case .shiftRight:
      guard isUnsigned else { return a >> ((0..<64).contains(b) ? b : 63) }
      return (0..<64).contains(b) ? Int64(bitPattern: UInt64(bitPattern: a) >> b) : 0
    case .equal: return a == b ? 1 : 0
    case .less: return isLess ? 1 : 0
    case .lessOrEqual: return isLess || a == b ? 1 : 0
    case .greater: return isLess || a == b ? 0 : 1
    case .greaterOrEqual: return isLess ? 0 : 1
    }
  }

  private func integerPower(_ base: Int64, _ exponent: Int64) -> Int64 {
    guard exponent >= 0 else { return base == 1 ? 1 : (base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0) }
    var (result, factor, rest) = (Int64(1), base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result = result &* factor }
      factor = factor &* factor
      rest >>= 1
    }
    return result
  }
}

extension Binary: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .broadcasting(types.inputs[input].shape, to: types.outputs[output].shape)
  }
}

extension Binary: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let (a, b, y) = (context.inputs[0], context.inputs[1], context.outputs[0])
    var result = context.none
    if context.isWanted[0], let left = try left(c, a, b, y, &g) {
      result[0] = try g.summed(left, to: g.shape(of: a))
    }
    if context.isWanted[1], let right = try right(c, a, b, y, &g) {
      result[1] = try g.summed(right, to: g.shape(of: b))
    }
    return result
  }

  private func left(
    _ c: ValueID, _ a: ValueID, _ b: ValueID, _ y: ValueID, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID? {
    switch function {
    case .add, .subtract, .modulo, .remainder: return c
    case .multiply: return try g.product(c, b)
    case .divide: return try g.quotient(c, b)
    case .power:
      let lower = try g.binary(.power, a, try g.affine(b, 1, -1))
      return try g.product(c, try g.product(b, lower))
    // Half of it where both are equal.
    case .maximum: return try g.product(c, try g.affine(try g.unary(.sign, try g.difference(a, b)), 0.5, 0.5))
    case .minimum: return try g.product(c, try g.affine(try g.unary(.sign, try g.difference(b, a)), 0.5, 0.5))
    case .parametricRelu:
      let negative = try g.isPositive(try g.unary(.neg, a))
      return try g.product(c, try g.affine(try g.product(negative, try g.affine(b, 1, -1)), 1, 1))
    default: return nil
    }
  }

  private func right(
    _ c: ValueID, _ a: ValueID, _ b: ValueID, _ y: ValueID, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID? {
    switch function {
    case .add: return c
    case .subtract: return try g.unary(.neg, c)
    case .multiply: return try g.product(c, a)
    case .divide: return try g.unary(.neg, try g.product(c, try g.quotient(y, b)))
    case .power: return try g.product(c, try g.product(y, try g.unary(.log, a)))
    case .maximum: return try g.product(c, try g.affine(try g.unary(.sign, try g.difference(b, a)), 0.5, 0.5))
    case .minimum: return try g.product(c, try g.affine(try g.unary(.sign, try g.difference(a, b)), 0.5, 0.5))
    case .modulo, .remainder:
      // The whole number of times that b is in a.
      let times = try g.unary(.round, try g.quotient(try g.difference(a, y), b))
      return try g.unary(.neg, try g.product(c, times))
    case .parametricRelu: return try g.unary(.neg, try g.product(c, try g.unary(.relu, try g.unary(.neg, a))))
    default: return nil
    }
  }
}
