import CIROperators
import IRCompiler
import IROperators
import IRTensor

/// A product with the sums and the function that the compiler has fused with it.
func matrixMultiplyKernel(
  _ fused: FusedMatrixMultiply, _ request: KernelRequest, _ packing: WeightPacking, _ support: KernelSupport
) -> (any Kernel)? {
  guard let (product, isOneMatrix) = parameters(fused, request, support) else { return nil }
  var params = product
  let isAlone = fused.activation == nil && !fused.hasBias && !fused.hasResidual
  guard isAlone || params.depth > 0 else { return nil }
  let name =
    "matrix-multiply" + (params.is_bfloat16 ? ".bf16" : "") + (fused.hasResidual ? ".add" : "")
    + (fused.activation.map { ".\($0.name)" } ?? "")
  @Sendable func run(
    _ params: ir_matrix_multiply_params, _ b: UnsafePointer<Float>, _ workspace: UnsafeMutableRawPointer?,
    _ arguments: KernelArguments
  ) {
    var params = params
    ir_matrix_multiply(
      &params, arguments.input(0), b, nil, fused.biasIndex.map { arguments.input($0) },
      fused.residualIndex.map { arguments.input($0) }, arguments.output(), workspace, arguments.threads)
  }
  let isAtRun = request.constants[1].map { packing.isAtRun($0) } ?? false
  if let weight = request.constants[1], !isAtRun, isOneMatrix, params.depth > 0 {
    params.has_packed_columns = true
    let fixed = params
    let packed = packing.columns(of: weight, for: params)
    let workspace = ir_matrix_multiply_workspace(&params, Int32(request.threadCount))
    return CPUKernel(
      name, workspace: workspace, inPlace: fused.residualIndex.map { [$0] } ?? [], prepared: [1],
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
  _ fused: FusedMatrixMultiply, _ request: KernelRequest, _ support: KernelSupport
) -> (ir_matrix_multiply_params, isOneMatrix: Bool)? {
  let product = fused.product
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
  switch fused.activation {
  case nil: break
  case .unary(.relu)?: params.activation = IR_ACTIVATION_RELU
  case let function?:
    guard let encoded = encodedFunction(function) else { return nil }
    (params.function, params.p, params.q) = (encoded.opcode, encoded.p, encoded.q)
  }
  return (params, batchStrides[1].allSatisfy { $0 == 0 })
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

extension ir_axis_view {
  init(_ view: AxisView) { self.init(outer: view.outer, axis: view.axis, inner: view.inner) }
}

func softmaxKernel(axis: Int, isLogarithm: Bool, _ request: KernelRequest) -> any Kernel {
  let params = ir_softmax_params(
    view: ir_axis_view(AxisView(request.inputTypes[0].shape, axis: axis)), logarithm: isLogarithm)
  return CPUKernel("softmax", inPlace: [0]) { arguments in
    var params = params
    ir_softmax(&params, arguments.input(0), arguments.output(), arguments.threads)
  }
}

func normalizationKernel(_ request: KernelRequest) -> (any Kernel)? {
  let shape = request.inputTypes[0].shape
  func kernel(_ axes: [Int], _ kind: ir_normalization, _ epsilon: Float) -> any Kernel {
    let first = axes.first ?? 0
    let view = AxisView(shape, axes: first..<(first + axes.count))
    let params = ir_normalize_params(view: ir_axis_view(view), kind: kind, epsilon: epsilon)
    return CPUKernel("normalize", inPlace: [0]) { arguments in
      var params = params
      ir_normalize(
        &params, arguments.input(0), arguments.optionalInput(1), arguments.optionalInput(2),
        arguments.output(), arguments.threads)
    }
  }
  switch request.operator {
  case let layer as LayerNormalization: return kernel(layer.axes, IR_NORMALIZATION_LAYER, layer.epsilon)
  case let rms as RMSNormalization: return kernel(rms.axes, IR_NORMALIZATION_RMS, rms.epsilon)
  case let l2 as L2Normalization: return kernel([l2.axis], IR_NORMALIZATION_L2, l2.epsilon)
  case let group as GroupNormalization:
    var params = groupParameters(shape, group.groupCount, group.epsilon)
    let workspace = ir_group_normalize_workspace(&params, Int32(request.threadCount))
    let fixed = params
    return CPUKernel("group-normalize", workspace: workspace) { arguments in
      var params = fixed
      ir_group_normalize(
        &params, arguments.input(0), arguments.input(1), arguments.input(2), arguments.output(),
        arguments.workspace, arguments.threads)
    }
  case let group as GroupStatistics:
    var params = groupParameters(shape, group.groupCount, group.epsilon)
    let workspace = ir_group_normalize_workspace(&params, Int32(request.threadCount))
    let fixed = params
    return CPUKernel("group-statistics", workspace: workspace) { arguments in
      var params = fixed
      ir_group_statistics(
        &params, arguments.input(0), arguments.input(1), arguments.input(2), arguments.output(0),
        arguments.output(1), arguments.workspace, arguments.threads)
    }
  default: return nil
  }
}

private func groupParameters(
  _ shape: Shape, _ groupCount: Int, _ epsilon: Float
) -> ir_group_normalize_params {
  ir_group_normalize_params(
    batch: shape[0], channels: shape[1], inner: shape.elementCount(in: 2..<shape.rank), groups: groupCount,
    epsilon: epsilon)
}

func layerNormalizationGradientKernel(
  _ gradient: LayerNormalizationGradient, _ request: KernelRequest
) -> any Kernel {
  let first = gradient.axes.first ?? 0
  let view = AxisView(request.inputTypes[0].shape, axes: first..<(first + gradient.axes.count))
  var params = ir_layer_normalization_gradient_params(view: ir_axis_view(view), epsilon: gradient.epsilon)
  let workspace = ir_layer_normalization_gradient_workspace(&params, Int32(request.threadCount))
  let fixed = params
  let scale = gradient.hasScale ? 2 : nil
  let addend = gradient.hasAddend ? request.inputTypes.count - 1 : nil
  return CPUKernel(
    "normalize.gradient" + (addend == nil ? "" : ".add"), workspace: workspace,
    inPlace: addend.map { [$0] } ?? []
  ) { arguments in
    var params = fixed
    ir_layer_normalization_gradient(
      &params, arguments.input(0), arguments.input(1), scale.map { arguments.input($0) },
      addend.map { arguments.input($0) }, arguments.output(0), arguments.output(1), arguments.output(2),
      arguments.workspace, arguments.threads)
  }
}

func reduceKernel(_ reduce: Reduce, _ request: KernelRequest) -> (any Kernel)? {
  let axes = reduce.axes.sorted()
  guard let first = axes.first, axes == Array(first..<(first + axes.count)),
    request.inputTypes[0].shape.elementCount > 0
  else { return nil }
  let kind: ir_reduction
  switch reduce.function {
  case .sum: kind = IR_REDUCTION_SUM
  case .mean: kind = IR_REDUCTION_MEAN
  case .maximum: kind = IR_REDUCTION_MAX
  case .minimum: kind = IR_REDUCTION_MIN
  case .product: kind = IR_REDUCTION_PRODUCT
  case .sumSquare: kind = IR_REDUCTION_SUM_OF_SQUARES
  case .l1: kind = IR_REDUCTION_L1
  case .l2: kind = IR_REDUCTION_L2
  case .logSumExp: kind = IR_REDUCTION_LOG_SUM_EXP
  case .logSum: return nil
  }
  let view = AxisView(request.inputTypes[0].shape, axes: first..<(first + axes.count))
  var params = ir_reduce_params(view: ir_axis_view(view), kind: kind)
  let workspace = ir_reduce_workspace(&params, Int32(request.threadCount))
  let fixed = params
  return CPUKernel("reduce", workspace: workspace) { arguments in
    var params = fixed
    ir_reduce(&params, arguments.input(0), arguments.output(), arguments.workspace, arguments.threads)
  }
}
