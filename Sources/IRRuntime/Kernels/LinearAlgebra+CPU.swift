import CIROperators
import IRCompiler
import IROperators
import IRTensor

extension FusedMatrixMultiply: FastOperator {
  /// A product with the sums and the function that the compiler has fused with it.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    guard let (found, isOneMatrix) = parameters(request, library.support) else { return nil }
    var params = found
    let isAlone = activation == nil && !hasBias && !hasResidual
    guard isAlone || params.depth > 0 else { return nil }
    let name =
      "matrix-multiply" + (params.is_bfloat16 ? ".bf16" : "") + (hasResidual ? ".add" : "")
      + (activation.map { ".\($0.name)" } ?? "")
    @Sendable func run(
      _ params: ir_matrix_multiply_params, _ b: UnsafePointer<Float>, _ workspace: UnsafeMutableRawPointer?,
      _ arguments: KernelArguments
    ) {
      var params = params
      ir_matrix_multiply(
        &params, arguments.input(0), b, nil, biasIndex.map { arguments.input($0) },
        residualIndex.map { arguments.input($0) }, arguments.output(), workspace, arguments.threads)
    }
    let isAtRun = request.constants[1].map { library.packing.isAtRun($0) } ?? false
    if let weight = request.constants[1], !isAtRun, isOneMatrix, params.depth > 0 {
      params.has_packed_columns = true
      let fixed = params
      let packed = library.packing.columns(of: weight, for: params)
      let workspace = ir_matrix_multiply_workspace(&params, Int32(request.threadCount))
      return CPUKernel(
        name, workspace: workspace, inPlace: residualIndex.map { [$0] } ?? [], prepared: [1],
        holding: [packed]
      ) { arguments in
        run(fixed, packed.pointer.assumingMemoryBound(to: Float.self), arguments.workspace, arguments)
      }
    }
    let workspace = ir_matrix_multiply_workspace(&params, Int32(request.threadCount))
    let fixed = params
    if let stored = request.constants[1], isAtRun {
      let wideByteCount = stored.byteCount.roundedUp(toMultipleOf: 64)
      return CPUKernel(name + ".widened-at-run", workspace: wideByteCount + workspace, prepared: [1]) {
        arguments in
        guard let memory = arguments.workspace else { return }
        let values = memory.assumingMemoryBound(to: Float.self)
        ir_widen(ir_weights(stored), stored.elementCount, values, arguments.threads)
        run(fixed, values, memory + wideByteCount, arguments)
      }
    }
    return CPUKernel(name, workspace: workspace) { arguments in
      run(fixed, arguments.input(1), arguments.workspace, arguments)
    }
  }

  /// The product as the driver has it, B unpacked, and whether one B serves the whole batch; nil for what it
  /// does not cover.
  private func parameters(
    _ request: KernelRequest, _ support: KernelSupport
  ) -> (ir_matrix_multiply_params, isOneMatrix: Bool)? {
    let (a, b) = (request.inputTypes[0].shape, request.inputTypes[1].shape)
    guard let e = try? product.extents(a, b) else { return nil }
    var (batch, batchStrides) = collapsed(e.batch, [a, b].map { Shape(Array($0.dropLast(2))) })
    guard batch.count <= 2 else { return nil }
    var rows = e.rows
    // Matrices one below the other, times one matrix, are one matrix.
    if batch.count == 1, batchStrides == [[1], [0]], !product.transposesA {
      rows *= batch[0]
      (batch, batchStrides) = ([1], [[0], [0]])
    }
    func strides(_ input: Int, _ shape: Shape, isTransposed: Bool) -> ir_matrix_strides {
      let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
      let own = batchStrides[input].map { $0 * rows * columns }
      return ir_matrix_strides(
        outer: own.count == 2 ? own[0] : 0, inner: own.last ?? 0,
        row: isTransposed ? 1 : columns, column: isTransposed ? columns : 1)
    }
    let inner = batch.last ?? 1
    var params = ir_matrix_multiply_params(
      outer_batch: batch.count == 2 ? batch[0] : 1, inner_batch: inner, rows: rows, columns: e.columns,
      depth: e.depth, a: strides(0, a, isTransposed: product.transposesA),
      b: strides(1, b, isTransposed: product.transposesB),
      c: ir_matrix_strides(
        outer: inner * rows * e.columns, inner: rows * e.columns, row: e.columns, column: 1),
      alpha: 1, activation: IR_ACTIVATION_NONE, function: IR_ELEMENTWISE_COPY, p: 0, q: 0,
      is_bfloat16: support.isBFloat16(rows: min(e.rows, e.columns), depth: e.depth),
      has_packed_columns: false)
    switch activation {
    case nil: break
    case .unary(.relu)?: params.activation = IR_ACTIVATION_RELU
    case let function?:
      guard let encoded = encodedFunction(function) else { return nil }
      (params.function, params.p, params.q) = (encoded.opcode, encoded.p, encoded.q)
    }
    return (params, batchStrides[1].allSatisfy { $0 == 0 })
  }
}

extension MatrixMultiply: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    FusedMatrixMultiply(self).kernel(for: request, in: library)
  }
}

extension WeightPacking {
  /// The constant B of a product, in the order in which the driver reads packed columns.
  func columns(of weight: Tensor, for params: ir_matrix_multiply_params) -> TensorStorage {
    var own = params
    let order = [
      Int(IR_PACKING_COLUMNS.rawValue), params.is_bfloat16 ? 1 : 0, params.b.row, params.b.column,
      params.depth,
    ]
    return weights.storage(of: weight, packing: order, count: ir_matrix_multiply_packed_count(&own)) {
      var own = params
      ir_matrix_multiply_pack_columns(&own, $0, $1)
    }
  }
}
