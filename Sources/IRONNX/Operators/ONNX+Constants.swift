import IRGraph
import IROperators
import IRTensor

/// Operators that the importer computes: shapes, constants and what follows from them.
extension ONNXOperatorTable {
  static let constants: [String: Reader] = [
    "Constant": { (n) throws(ImportFailure) in
      if case .sparseTensor(let sparse)? = n.node.attributes.first?.value {
        do throws(ONNXError) { return [try n.context.sparse(sparse)] } catch { throw .tensor(error) }
      }
      return [n.constant(try value(of: n))]
    },
    "Shape": { (n) throws(ImportFailure) in
      let shape = n.shape(try n.input(0))
      func clamped(_ position: Int) -> Int {
        min(max(position < 0 ? position &+ shape.rank : position, 0), shape.rank)
      }
      let (start, end) = (clamped(n.int("start")), clamped(n.int("end", shape.rank)))
      let extents = start < end ? shape[start..<end].map { Int64($0) } : []
      return [n.constant(Tensor(extents, shape: [extents.count]))]
    },
    "Size": { (n) throws(ImportFailure) in
      [n.constant(Tensor([Int64(n.shape(try n.input(0)).elementCount)], shape: .scalar))]
    },
    "ConstantOfShape": { (n) throws(ImportFailure) in
      let shape = Shape(try n.integers(0))
      guard let number = try fill(of: n) else { throw .unsupported("its value is not one number") }
      let scalar = n.constant(number)
      return [shape.rank == 0 ? scalar : try n.emit(Expand(shape: shape), scalar)]
    },
    "Range": { (n) throws(ImportFailure) in
      let (start, limit, delta) = (try n.constant(0), try n.constant(1), try n.constant(2))
      guard let first = start.doubles.first, let last = limit.doubles.first, let step = delta.doubles.first,
        step != 0, first.isFinite, last.isFinite, ((last - first) / step).magnitude < 1e8
      else { throw .unsupported("an empty or too long range") }
      let count = max(0, Int(((last - first) / step).rounded(.up)))
      let type = TensorType(start.elementType, [count])
      if start.elementType.isInteger, let base = start.integers.first, let stride = delta.integers.first {
        return [n.constant(Tensor(type, integers: (0..<count).map { base &+ Int64($0) &* stride }))]
      }
      return [n.constant(Tensor(type, doubles: (0..<count).map { first + Double($0) * step }))]
    },
    "EyeLike": { (n) throws(ImportFailure) in
      let like = n.type(try n.input(0))
      let shape = like.shape
      guard shape.rank == 2, shape.elementCount <= 1 << 26 else {
        throw .unsupported("an identity of \(shape)")
      }
      let elementType = ElementType(rawValue: Int32(clamping: n.int("dtype", Int(like.elementType.rawValue))))
      guard let elementType else { throw .unsupported("element type \(n.int("dtype"))") }
      let diagonal = n.int("k")
      let values = (0..<shape.elementCount).map { index -> Int64 in
        (index % shape[1] - index / shape[1]) == diagonal ? 1 : 0
      }
      return [n.constant(Tensor(TensorType(elementType, shape), integers: values))]
    },
  ]

  /// The number that `ConstantOfShape` fills its result with, nil if it holds several.
  static func fill(of n: NodeReader) throws(ImportFailure) -> Tensor? {
    guard case .tensor(let given)? = n.node[attribute: "value"] else { return Tensor(scalar: 0) }
    let tensor = try read(given)
    return tensor.elementCount == 1 ? tensor.reshaped(to: .scalar) : nil
  }

  private static func read(_ tensor: ONNXTensor) throws(ImportFailure) -> Tensor {
    do { return try tensor.tensor() } catch { throw .tensor(error) }
  }

  private static func value(of n: NodeReader) throws(ImportFailure) -> Tensor {
    guard let attribute = n.node.attributes.first else { throw .unsupported("it holds no value") }
    switch attribute.value {
    case .tensor(let tensor): return try read(tensor)
    case .float(let value): return Tensor(scalar: value)
    case .int(let value): return Tensor([value], shape: .scalar)
    case .floats(let values): return Tensor(values, shape: [values.count])
    case .ints(let values): return Tensor(values, shape: [values.count])
    default: throw .unsupported("its value \(attribute.name) is not of a supported type")
    }
  }
}
