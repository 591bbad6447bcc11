import IRGraph
import IRTensor

/// The arithmetic of gradient rules. All functions keep the element type.
extension GraphBuilder {
  package mutating func unary(_ function: UnaryFunction, _ x: ValueID) throws(GraphError) -> ValueID {
    try value(Unary(function), [x])
  }

  package mutating func binary(
    _ function: BinaryFunction, _ a: ValueID, _ b: ValueID
  ) throws(GraphError) -> ValueID { try value(Binary(function), [a, b]) }

  package mutating func sum(_ a: ValueID, _ b: ValueID) throws(GraphError) -> ValueID {
    try binary(.add, a, b)
  }
  package mutating func difference(_ a: ValueID, _ b: ValueID) throws(GraphError) -> ValueID {
    try binary(.subtract, a, b)
  }
  package mutating func product(_ a: ValueID, _ b: ValueID) throws(GraphError) -> ValueID {
    try binary(.multiply, a, b)
  }
  package mutating func quotient(_ a: ValueID, _ b: ValueID) throws(GraphError) -> ValueID {
    try binary(.divide, a, b)
  }

  /// factor · x + term.
  package mutating func affine(_ x: ValueID, _ factor: Double, _ term: Double = 0) throws(GraphError)
    -> ValueID
  { try value(Activation(.affine, alpha: Float(factor), beta: Float(term)), [x]) }

  /// 1 where x > 0, else 0.
  package mutating func isPositive(_ x: ValueID) throws(GraphError) -> ValueID {
    try unary(.relu, try unary(.sign, x))
  }

  package mutating func reshaped(_ x: ValueID, to shape: Shape) throws(GraphError) -> ValueID {
    self.shape(of: x) == shape ? x : try value(Reshape(shape: shape), [x])
  }

  /// The sum over `axes`, which stay with an extent of 1. Neighbouring axes are summed together, the last
  /// ones first, since those runs are what kernels sum fast.
  package mutating func summed(_ x: ValueID, over axes: [Int]) throws(GraphError) -> ValueID {
    var rest = axes.filter { shape(of: x)[$0] != 1 }.sorted()
    var result = x
    while let last = rest.last {
      var first = last
      while rest.count > 1, rest[rest.count - 2] == first - 1 {
        rest.removeLast()
        first -= 1
      }
      rest.removeLast()
      result = try value(Reduce(.sum, axes: Array(first...last)), [result])
    }
    return result
  }

  /// The sum over the axes along which a value of `shape` was stretched to the shape of `x`.
  package mutating func summed(_ x: ValueID, to shape: Shape) throws(GraphError) -> ValueID {
    let from = self.shape(of: x)
    guard from != shape else { return x }
    let missing = from.rank - shape.rank
    let axes = from.indices.filter { $0 < missing || (shape[$0 - missing] == 1 && from[$0] != 1) }
    return try reshaped(try summed(x, over: axes), to: shape)
  }

  /// x repeated along its extents of 1.
  package mutating func stretched(_ x: ValueID, to shape: Shape) throws(GraphError) -> ValueID {
    self.shape(of: x) == shape ? x : try value(Expand(shape: shape), [x])
  }

  /// The result of a reduction over `axes`, with an extent of 1 at each where the reduction dropped them.
  package mutating func withAxes(_ x: ValueID, _ axes: [Int], of shape: Shape) throws(GraphError) -> ValueID {
    var kept = shape
    for axis in axes { kept[axis] = 1 }
    return try reshaped(x, to: kept)
  }

  package mutating func zeros(_ type: TensorType) -> ValueID { constant(Tensor(zeros: type), name: "zeros") }
}
