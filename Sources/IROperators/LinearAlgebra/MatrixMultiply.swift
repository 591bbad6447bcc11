import IRGraph
import IRTensor

/// Products of the matrices in the last two axes, the axes before broadcast.
///
/// Inputs a `[…, M, K]`, b `[…, K, N]`, each the other way round where it is transposed.
package struct MatrixMultiply: ContractionOperator {
  package var transposesA: Bool
  package var transposesB: Bool
  package static let name = "MatrixMultiply"

  package init(transposesA: Bool = false, transposesB: Bool = false) {
    self.transposesA = transposesA
    self.transposesB = transposesB
  }

  /// The product's geometry.
  package struct Extents: Sendable {
    package var batch: Shape
    package var rows: Int
    package var columns: Int
    package var depth: Int
  }

  package func extents(_ a: Shape, _ b: Shape) throws(TypeError) -> Extents {
    guard a.rank >= 2, b.rank >= 2 else {
      throw TypeError("MatrixMultiply.rank", "matrices of shapes \(a) and \(b)")
    }
    let (rows, depth) = transposesA ? (a[a.rank - 1], a[a.rank - 2]) : (a[a.rank - 2], a[a.rank - 1])
    let (depthB, columns) = transposesB ? (b[b.rank - 1], b[b.rank - 2]) : (b[b.rank - 2], b[b.rank - 1])
    guard depth == depthB else {
      throw TypeError("MatrixMultiply.depth", "\(rows)×\(depth) times \(depthB)×\(columns)")
    }
    guard let batch = Shape(Array(a.dropLast(2))).broadcast(with: Shape(Array(b.dropLast(2)))) else {
      throw TypeError("MatrixMultiply.broadcast", "batches of \(a) and \(b) do not broadcast")
    }
    return Extents(batch: batch, rows: rows, columns: columns, depth: depth)
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireSameElementType(inputs, Self.name)
    guard inputs[0].elementType != .bool else {
      throw TypeError("MatrixMultiply.numeric", "matrices of bool")
    }
    let extents = try extents(inputs[0].shape, inputs[1].shape)
    return [inputs[0].with(shape: Shape(extents.batch.extents + [extents.rows, extents.columns]))]
  }

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    guard let e = try? extents(inputs[0].shape, inputs[1].shape) else { return 0 }
    return e.batch.elementCount * e.rows * e.columns * e.depth
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let e = try? extents(inputs[0].shape, inputs[1].shape) else {
      preconditionFailure("checked by outputTypes")
    }
    let type = inputs[0].type.with(shape: Shape(e.batch.extents + [e.rows, e.columns]))
    if inputs[0].elementType.isInteger {
      return [Tensor(type, integers: product(e, inputs, \.integers, 0, { $0 &+ $1 &* $2 }))]
    }
    return [Tensor(type, doubles: product(e, inputs, \.doubles, 0, { $0 + $1 * $2 }))]
  }

  private func product<T>(
    _ e: Extents, _ inputs: [Tensor], _ elements: (Tensor) -> [T], _ zero: T, _ multiplyAdd: (T, T, T) -> T
  ) -> [T] {
    let (a, b) = (elements(inputs[0]), elements(inputs[1]))
    func batchOffsets(_ shape: Shape) -> [Int] {
      let outer = Shape(Array(shape.dropLast(2)))
      let size = shape.elementCount(in: (shape.rank - 2)..<shape.rank)
      return StridedWalk(e.batch, strides: outer.broadcastStrides(to: e.batch)).offsets.map { $0 * size }
    }
    let (offsetsA, offsetsB) = (batchOffsets(inputs[0].shape), batchOffsets(inputs[1].shape))
    let (rowA, depthA) = transposesA ? (1, e.rows) : (e.depth, 1)
    let (depthB, columnB) = transposesB ? (1, e.depth) : (e.columns, 1)
    var result = [T](repeating: zero, count: offsetsA.count * e.rows * e.columns)
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        for (batch, (startA, startB)) in zip(offsetsA, offsetsB).enumerated() {
          for row in 0..<e.rows {
            for column in 0..<e.columns {
              var sum = zero
              var (i, j) = (startA + row * rowA, startB + column * columnB)
              for _ in 0..<e.depth {
                sum = multiplyAdd(sum, a[i], b[j])
                i += depthA
                j += depthB
              }
              result[(batch * e.rows + row) * e.columns + column] = sum
            }
          }
        }
      }
    }
    return result
  }
}

extension MatrixMultiply: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let (matrices, product) = (types.inputs[input].shape, types.outputs[output].shape)
    let batches = [AxisRelation].broadcasting(
      Shape(Array(matrices.dropLast(2))), to: Shape(Array(product.dropLast(2))))
    let rank = matrices.rank
    if input == 0 { return batches + [.same(transposesA ? rank - 1 : rank - 2), .new] }
    return batches + [.new, .same(transposesB ? rank - 2 : rank - 1)]
  }
}

extension MatrixMultiply: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let (a, b) = (context.inputs[0], context.inputs[1])
    var result = context.none
    if context.isWanted[0] {
      // op(A)' = C op(B)ᵀ, or its transpose op(B) Cᵀ.
      let product =
        transposesA
        ? try g.value(MatrixMultiply(transposesA: transposesB, transposesB: true), [b, c])
        : try g.value(MatrixMultiply(transposesB: !transposesB), [c, b])
      result[0] = try g.summed(product, to: g.shape(of: a))
    }
    if context.isWanted[1] { result[1] = try ofRight(a, b, c, &g) }
    return result
  }

  private func ofRight(
    _ a: ValueID, _ b: ValueID, _ c: ValueID, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    var (a, c) = (a, c)
    let (shapeA, shapeB) = (g.shape(of: a), g.shape(of: b))
    if shapeB.rank == 2, shapeA.rank > 2, !transposesA {
      // One matrix for the whole batch: the batch is more rows.
      let rows = shapeA.elementCount(in: 0..<(shapeA.rank - 1))
      a = try g.reshaped(a, to: [rows, shapeA[shapeA.rank - 1]])
      c = try g.reshaped(c, to: [rows, g.shape(of: c)[g.shape(of: c).rank - 1]])
    }
    let product =
      transposesB
      ? try g.value(MatrixMultiply(transposesA: true, transposesB: transposesA), [c, a])
      : try g.value(MatrixMultiply(transposesA: !transposesA), [a, c])
    return try g.summed(product, to: shapeB)
  }
}
