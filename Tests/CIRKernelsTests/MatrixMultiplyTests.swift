import CIRKernels
import CIROperators
import IRTestSupport
import Testing

extension KernelTests {
  struct Product {
    var outer = 1
    var inner = 1
    var rows: Int
    var columns: Int
    var depth: Int
    var isATransposed = false
    var isBTransposed = false
    var alpha: Float = 1
    var activation = IR_ACTIVATION_NONE
    var hasBiases = false

    var params: ir_matrix_multiply_params {
      let a = rows * depth
      let b = depth * columns
      let c = rows * columns
      return ir_matrix_multiply_params(
        outer_batch: outer, inner_batch: inner, rows: rows, columns: columns, depth: depth,
        a: ir_matrix_strides(
          outer: inner * a, inner: a, row: isATransposed ? 1 : depth,
          column: isATransposed ? rows : 1),
        // One B for all of the inner batch.
        b: ir_matrix_strides(
          outer: b, inner: 0, row: isBTransposed ? 1 : columns,
          column: isBTransposed ? depth : 1),
        c: ir_matrix_strides(outer: inner * c, inner: c, row: columns, column: 1),
        alpha: alpha, activation: activation, function: IR_ELEMENTWISE_COPY, p: 0, q: 0, is_bfloat16: false,
        has_packed_columns: false)
    }
  }

  static let products: [Product] =
    [0, 1, 3, 4, 13, 14, 15, 31, 32, 33, 127].map { Product(rows: 5, columns: $0, depth: 7) }
    + [0, 1, 13, 14, 15, 29, 255].map { Product(rows: $0, columns: 33, depth: 9) }
    + [0, 1, 511, 513, 1100].map { Product(rows: 17, columns: 40, depth: $0, hasBiases: true) }
    + [
      Product(outer: 2, inner: 3, rows: 15, columns: 33, depth: 20, alpha: 0.5),
      Product(rows: 48, columns: 47, depth: 9000, isBTransposed: true, alpha: 2, hasBiases: true),
      Product(outer: 2, rows: 3, columns: 300, depth: 4097, isATransposed: true, hasBiases: true),
      Product(outer: 2, inner: 2, rows: 150, columns: 517, depth: 600, isATransposed: true),
      Product(
        rows: 150, columns: 270, depth: 33, isATransposed: true, isBTransposed: true,
        activation: IR_ACTIVATION_RELU, hasBiases: true),
    ]

  @Test(arguments: products.indices, [false, true])
  func matrixMultiply(_ index: Int, isBFloat16: Bool) {
    let product = Self.products[index]
    var params = product.params
    params.is_bfloat16 = isBFloat16
    let batch = product.outer * product.inner
    let a = Guarded(values(batch * product.rows * product.depth))
    let b = Guarded(values(product.outer * product.depth * product.columns, seed: 2))
    let rowBias = Guarded(values(product.rows, seed: 3))
    let columnBias = Guarded(values(product.columns, seed: 4))
    let left = Self.operands(a.elements, isBFloat16), right = Self.operands(b.elements, isBFloat16)

    var expected: [Double] = []
    for matrix in 0..<batch {
      for i in 0..<product.rows {
        for j in 0..<product.columns {
          var sum = 0.0
          let aStart = matrix * product.rows * product.depth
          let bStart = matrix / product.inner * product.depth * product.columns
          for k in 0..<product.depth {
            sum +=
              left[aStart + i * params.a.row + k * params.a.column]
              * right[bStart + k * params.b.row + j * params.b.column]
          }
          sum *= Double(product.alpha)
          if product.hasBiases { sum += Double(rowBias.pointer[i]) + Double(columnBias.pointer[j]) }
          expected.append(product.activation == IR_ACTIVATION_RELU ? max(0, sum) : sum)
        }
      }
    }
    // Rounding grows with the sum.
    let tolerance = 4e-6 + 4e-8 * Double(product.depth)
    var bits: [[UInt32]] = []
    expectEverywhere(expected, tolerance: tolerance, "\(product), bfloat16 \(isBFloat16)") { threads in
      let c = Guarded<Float>(count: expected.count)
      let scratch = workspace(ir_matrix_multiply_workspace(&params, threads))
      ir_matrix_multiply(
        &params, a.pointer, b.pointer, product.hasBiases ? rowBias.pointer : nil,
        product.hasBiases ? columnBias.pointer : nil, nil, c.pointer, scratch.pointer, threads)
      bits.append(c.elements.map(\.bitPattern))
      return c.elements
    }
    // Parts of great depth are added up by vectors, of which each instruction set has its own.
    if isBFloat16, product.depth < 4096 { #expect(bits.allSatisfy { $0 == bits[0] }) }
    guard product.outer == 1, product.depth > 0 else { return }
    params.has_packed_columns = true
    func withPackedColumns(_ residual: UnsafePointer<Float>?, _ threads: Int32) -> [Float] {
      let packed = Guarded<Float>(count: ir_matrix_multiply_packed_count(&params))
      ir_matrix_multiply_pack_columns(&params, b.pointer, packed.pointer)
      let c = Guarded<Float>(count: expected.count)
      let scratch = workspace(ir_matrix_multiply_workspace(&params, threads))
      ir_matrix_multiply(
        &params, a.pointer, packed.pointer, product.hasBiases ? rowBias.pointer : nil,
        product.hasBiases ? columnBias.pointer : nil, residual, c.pointer, scratch.pointer, threads)
      return c.elements
    }
    expectEverywhere(expected, tolerance: tolerance, "\(product), packed, bfloat16 \(isBFloat16)") {
      withPackedColumns(nil, $0)
    }
    guard product.columns > 1, product.alpha == 1, product.activation == IR_ACTIVATION_NONE else { return }
    // Rows side by side, with a residual and a function.
    let residual = Guarded(values(expected.count, seed: 5))
    params.c.row = 1
    params.c.column = product.rows
    params.function = IR_ELEMENTWISE_SQUARE
    let wanted = expected.indices.map { place -> Double in
      let (matrix, rest) = place.quotientAndRemainder(dividingBy: product.rows * product.columns)
      let (j, i) = rest.quotientAndRemainder(dividingBy: product.rows)
      let plain = expected[(matrix * product.rows + i) * product.columns + j]
      let sum = plain + Double(residual.pointer[place])
      return sum * sum
    }
    let largest = wanted.reduce(1) { max($0, abs($1)) }
    expectEverywhere(
      wanted, tolerance: 3 * tolerance * largest.squareRoot(), "\(product), across, bfloat16 \(isBFloat16)"
    ) { withPackedColumns(residual.pointer, $0) }
  }
}
