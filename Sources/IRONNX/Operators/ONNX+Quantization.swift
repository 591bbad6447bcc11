import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let quantization: [String: Reader] = ["QuantizeLinear": quantize, "DequantizeLinear": dequantize]

  static let quantize: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let scale = try parameter(n, 1, like: n.shape(x))
    var target = n.has(2) ? n.type(try n.input(2)).elementType : .uint8
    if !n.has(2), n.int("output_dtype") != 0 {
      guard let stated = ElementType(rawValue: Int32(clamping: n.int("output_dtype"))) else {
        throw .unsupported("to \(ONNXTensor.typeName(Int32(clamping: n.int("output_dtype"))))")
      }
      target = stated
    }
    guard target.isInteger, target.integerBitWidth <= 16 else { throw .unsupported("to \(target)") }
    let type = n.type(scale).elementType
    let same = n.type(x).elementType == type ? x : try n.emit(Cast(to: type), x)
    var levels = try n.unary(.round, try n.binary(.divide, same, scale))
    if n.has(2) {
      levels = try n.binary(.add, levels, try n.emit(Cast(to: type), try parameter(n, 2, like: n.shape(x))))
    }
    return [try n.emit(Cast(to: target), try n.clipped(levels, target.levels))]
  }

  static let dequantize: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let scale = try parameter(n, 1, like: n.shape(x))
    let type = n.type(scale).elementType
    // The difference of two integers is exact in float32, which float16 scales would not hold.
    var difference = try n.emit(Cast(to: .float32), x)
    if n.has(2) {
      let zero = try n.emit(Cast(to: .float32), try parameter(n, 2, like: n.shape(x)))
      difference = try n.binary(.subtract, difference, zero)
    }
    return [
      try n.binary(.multiply, type == .float32 ? difference : try n.emit(Cast(to: type), difference), scale)
    ]
  }

  /// A scale or a zero point lined up with the data: one for all, one an index along an axis, or one a block.
  private static func parameter(_ n: NodeReader, _ index: Int, like shape: Shape) throws(ImportFailure)
    -> ValueID
  {
    let value = try n.input(index)
    let own = n.shape(value)
    if own.elementCount == 1, own.rank <= 1 { return try n.reshaped(value, .scalar) }
    let axis = try n.axis(n.int("axis", 1), rank: shape.rank)
    if own.rank == 1 {
      guard own[0] == shape[axis] else {
        throw .unsupported("\(own[0]) parameters along an axis of \(shape[axis])")
      }
      var extents = [Int](repeating: 1, count: shape.rank)
      extents[axis] = own[0]
      return try n.reshaped(value, Shape(extents))
    }
    let block = n.int("block_size")
    guard own.rank == shape.rank, block > 0, own[axis] > 0, own[axis] == (shape[axis] + block - 1) / block
    else {
      throw .unsupported("parameters of \(own) for \(shape) in blocks of \(block)")
    }
    var (column, wide, flat) = (own.extents, own.extents, own.extents)
    column.insert(1, at: axis + 1)
    wide.insert(block, at: axis + 1)
    flat[axis] *= block
    let repeated = try n.reshaped(
      try n.emit(Expand(shape: Shape(wide)), try n.reshaped(value, Shape(column))), Shape(flat))
    guard flat != shape.extents else { return repeated }
    let (zeros, ones) = ([Int](repeating: 0, count: shape.rank), [Int](repeating: 1, count: shape.rank))
    return try n.emit(Slice(starts: zeros, steps: ones, extents: shape.extents), repeated)
  }
}
