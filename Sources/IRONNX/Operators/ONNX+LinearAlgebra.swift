import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let linearAlgebra: [String: Reader] = [
    "MatMul": { (n) throws(ImportFailure) in [try product(n, try n.input(0), try n.input(1))] },
    "Det": { (n) throws(ImportFailure) in [try n.emit(Determinant(), try n.input(0))] },
    "Gemm": { (n) throws(ImportFailure) in [try generalProduct(n)] },
  ]

  /// `Gemm` with the node's attributes.
  static func generalProduct(_ n: NodeReader) throws(ImportFailure) -> ValueID {
    let operation = MatrixMultiply(transposesA: n.int("transA") != 0, transposesB: n.int("transB") != 0)
    var result = try n.emit(operation, try n.input(0), try n.input(1))
    let (alpha, beta) = (n.float("alpha", 1), n.float("beta", 1))
    if alpha != 1 { result = try n.binary(.multiply, result, n.scalar(Double(alpha), like: result)) }
    guard n.has(2), beta != 0 else { return result }
    var addend = try n.input(2)
    if beta != 1 { addend = try n.binary(.multiply, addend, n.scalar(Double(beta), like: addend)) }
    return try n.binary(.add, result, addend)
  }

  /// NumPy's matmul: vectors become matrices for the product only.
  static func product(_ n: NodeReader, _ a: ValueID, _ b: ValueID) throws(ImportFailure) -> ValueID {
    let (shapeA, shapeB) = (n.shape(a), n.shape(b))
    guard shapeA.rank > 0, shapeB.rank > 0 else { throw .unsupported("a product with a scalar") }
    let left = shapeA.rank == 1 ? try n.reshaped(a, [1, shapeA[0]]) : a
    let right = shapeB.rank == 1 ? try n.reshaped(b, [shapeB[0], 1]) : b
    let result = try n.emit(MatrixMultiply(), left, right)
    var extents = n.shape(result).extents
    if shapeB.rank == 1 { extents.removeLast() }
    if shapeA.rank == 1 { extents.remove(at: extents.count - (shapeB.rank == 1 ? 1 : 2)) }
    return try n.reshaped(result, Shape(extents))
  }
}

private func matrixProduct(_ product: MatrixMultiply, _ w: NodeWriter) -> NodeWriter.Expression {
  func operand(_ index: Int, _ isTransposed: Bool) -> String {
    guard isTransposed else { return w.inputs[index] }
    let rank = w.inputTypes[index].shape.rank
    return w.step(
      "Transpose", [w.inputs[index]], [.ints("perm", Array(0..<(rank - 2)) + [rank - 1, rank - 2])])
  }
  return NodeWriter.Expression(
    "MatMul", [operand(0, product.transposesA), operand(1, product.transposesB)])
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let linearAlgebraWriters: [(String, Writer)] = [
    writer(MatrixMultiply.self) { (product, w) throws(ExportFailure) in
      w.finish(matrixProduct(product, w))
    },
    writer(FusedMatrixMultiply.self) { (fused, w) throws(ExportFailure) in
      try w.finish(
        matrixProduct(fused.product, w), adding: Array(w.inputs.dropFirst(2)), then: fused.activation)
    },
    writer(Determinant.self, as: "Det"),
    writer(ChannelGram.self) { (gram, w) throws(ExportFailure) in
      let rows = zip(w.inputs, w.inputTypes).map { name, type in
        let shape = type.shape
        return w.reshape(
          name, [shape[0], gram.groupCount, shape[1] / gram.groupCount, shape[2] * shape[3]])
      }
      let across = w.step("Transpose", [rows[1]], [.ints("perm", [0, 1, 3, 2])])
      w.emit("MatMul", [rows[0], across], output: 0)
      for (index, row) in rows.enumerated() {
        w.emit("ReduceL2", [row, w.ints([3])], [.flag("keepdims", true)], output: index + 1)
      }
    },
  ]
}
