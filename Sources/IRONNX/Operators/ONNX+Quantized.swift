import IRGraph
import IROperators
import IRTensor

/// Operators on integers that stand for numbers: computed on the numbers in float32, whose sums of products
/// are exact up to 2^24, and rounded to the integers of the result.
extension ONNXOperatorTable {
  static let quantized: [String: Reader] = [
    "DynamicQuantizeLinear": dynamicQuantization,
    "MatMulInteger": { (n) throws(ImportFailure) in
      let product = try product(
        n, try n.centred(0, zero: 2, isRow: true), try n.centred(1, zero: 3, isRow: false))
      return [try n.emit(Cast(to: .int32), try n.unary(.round, product))]
    },
    "ConvInteger": { (n) throws(ImportFailure) in
      let x = try n.centred(0, zero: 2, isRow: false)
      let result = try convolution(n, x, try n.centredFilter(1, zero: 3))
      return [try n.emit(Cast(to: .int32), try n.unary(.round, result))]
    },
    "QLinearMatMul": { (n) throws(ImportFailure) in
      let a = try n.centred(0, zero: 2, isRow: true)
      let b = try n.centred(3, zero: 5, isRow: false)
      let scale = try n.binary(
        .multiply, try n.scale(1, like: a, isRow: true), try n.scale(4, like: b, isRow: false))
      return [try n.requantized(try product(n, a, b), scale: scale, to: 6, zero: 7)]
    },
    "QLinearConv": { (n) throws(ImportFailure) in
      let x = try n.centred(0, zero: 2, isRow: false)
      let weight = try n.centredFilter(3, zero: 5)
      var result = try convolution(n, x, weight)
      let column = Shape([-1] + [Int](repeating: 1, count: n.shape(x).rank - 2))
      func perChannel(_ index: Int) throws(ImportFailure) -> ValueID {
        let value = try n.emit(Cast(to: .float32), try n.input(index))
        var shape = column
        shape[0] = n.shape(value).elementCount
        return try n.reshaped(value, shape)
      }
      if n.has(8) { result = try n.binary(.add, result, try perChannel(8)) }
      let scale = try n.binary(.multiply, try n.scale(1, like: x, isRow: false), try perChannel(4))
      return [try n.requantized(result, scale: scale, to: 6, zero: 7)]
    },
  ]

  private static let dynamicQuantization: Reader = { (n) throws(ImportFailure) in
    let dynamic = try dynamicLevels(n, try n.input(0))
    return [
      try n.emit(Cast(to: .uint8), dynamic.levels), dynamic.scale, try n.emit(Cast(to: .uint8), dynamic.zero),
    ]
  }

  /// A tensor as numbers from 0 to 255 with the scale and zero point that its own extremes give.
  static func dynamicLevels(
    _ n: NodeReader, _ x: ValueID
  ) throws(ImportFailure) -> (levels: ValueID, scale: ValueID, zero: ValueID) {
    let axes = Array(n.shape(x).indices)
    let zero = n.scalar(0, like: x)
    func extreme(_ function: ReduceFunction, _ other: BinaryFunction) throws(ImportFailure) -> ValueID {
      try n.binary(other, try n.emit(Reduce(function, axes: axes, keepsAxes: false), x), zero)
    }
    let (high, low) = (try extreme(.maximum, .maximum), try extreme(.minimum, .minimum))
    let range = try n.binary(.subtract, high, low)
    let isEmpty = try n.binary(.equal, range, zero)
    let span = try n.emit(Select(), isEmpty, n.scalar(1, like: x), range)
    let scale = try n.binary(.divide, span, n.scalar(255, like: x))
    let start = try n.unary(.neg, try n.binary(.divide, low, scale))
    let offset = try n.unary(.round, try n.clipped(start, 0...255))
    let levels = try n.binary(.add, try n.unary(.round, try n.binary(.divide, x, scale)), offset)
    return (try n.clipped(levels, 0...255), scale, offset)
  }
}

extension NodeReader {
  /// A parameter of a matrix, a number, or one for each row or column: lined up with the matrix in float32.
  private func parameter(_ index: Int, like value: ValueID, isRow: Bool) throws(ImportFailure) -> ValueID {
    let number = try emit(Cast(to: .float32), try input(index))
    let own = shape(number)
    if own.elementCount == 1 { return try reshaped(number, .scalar) }
    guard isRow, own.rank == 1, shape(value).rank >= 2 else { return number }
    return try reshaped(number, [own[0], 1])
  }

  func scale(_ index: Int, like value: ValueID, isRow: Bool) throws(ImportFailure) -> ValueID {
    try parameter(index, like: value, isRow: isRow)
  }

  /// An input of integers less its zero point, in float32.
  func centred(_ index: Int, zero: Int, isRow: Bool) throws(ImportFailure) -> ValueID {
    let x = try input(index)
    guard type(x).elementType.isInteger, type(x).elementType.integerBitWidth <= 16 else {
      throw .unsupported("input \(index) is \(type(x)), it takes integers of 8 or 16 bits")
    }
    let number = try emit(Cast(to: .float32), x)
    guard has(zero) else { return number }
    return try binary(.subtract, number, try parameter(zero, like: x, isRow: isRow))
  }

  /// As above, for filters with a zero point for each.
  func centredFilter(_ index: Int, zero: Int) throws(ImportFailure) -> ValueID {
    let weight = try emit(Cast(to: .float32), try input(index))
    guard has(zero) else { return weight }
    let point = try emit(Cast(to: .float32), try input(zero))
    var column = Shape([Int](repeating: 1, count: max(shape(weight).rank, 1)))
    column[0] = shape(point).elementCount
    return try binary(.subtract, weight, try reshaped(point, column))
  }

  func clipped(_ x: ValueID, _ range: ClosedRange<Double>) throws(ImportFailure) -> ValueID {
    try binary(
      .minimum, try binary(.maximum, x, scalar(range.lowerBound, like: x)), scalar(range.upperBound, like: x))
  }

  /// Numbers as integers of the type of a zero point, by the result's scale: sums of integers times `scale`
  /// and the zero point are rounded together, numbers without a scale of their own before the zero point is
  /// added.
  func requantized(
    _ x: ValueID, scale: ValueID?, to target: Int, zero: Int, standard: ElementType = .uint8
  ) throws(ImportFailure) -> ValueID {
    let own = try reshaped(try emit(Cast(to: .float32), try input(target)), .scalar)
    var levels: ValueID
    if let scale {
      levels = try binary(.multiply, x, try binary(.divide, scale, own))
    } else {
      levels = try unary(.round, try binary(.divide, x, own))
    }
    var result = standard
    if has(zero) {
      let point = try input(zero)
      result = type(point).elementType
      levels = try binary(.add, levels, try reshaped(try emit(Cast(to: .float32), point), .scalar))
    }
    guard result.isInteger, result.integerBitWidth <= 16 else { throw .unsupported("to \(result)") }
    return try emit(Cast(to: result), try clipped(try unary(.round, levels), result.levels))
  }

  /// The numbers that integers stand for, in float32: less the zero point, times the scale.
  func dequantized(_ index: Int, scale: Int, zero: Int) throws(ImportFailure) -> ValueID {
    let centred = try centred(index, zero: zero, isRow: false)
    return try binary(.multiply, centred, try self.scale(scale, like: centred, isRow: false))
  }
}

extension ElementType {
  /// The numbers of an integer type of at most 16 bits.
  var levels: ClosedRange<Double> {
    let low = isSigned ? -Double(1 << (integerBitWidth - 1)) : 0
    return low...(low + Double(1 << integerBitWidth) - 1)
  }
}
