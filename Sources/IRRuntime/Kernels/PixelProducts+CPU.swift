import CIROperators
import IRCompiler
import IROperators
import IRTensor

extension FusedConvolution {
  /// A pointwise convolution over few pixels as a product of its pixels with its weights, the other way
  /// round: rows of tiles are pixels, of which a feature map may have any number; columns are channels, which
  /// come in whole vectors. Nil where a convolution is none of these.
  func pixelProduct(_ request: KernelRequest, _ library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, w) = (request.inputTypes[0].shape, request.inputTypes[1].shape)
    let pixels = x.elementCount(in: 2..<x.rank)
    guard library.support.isPixelProduct(convolution, weight: w, pixelCount: pixels), pixels > 1,
      let activation = driverActivation, activation.kind != IR_ACTIVATION_LEAKY_RELU,
      let weight = request.constants[1], !library.packing.isAtRun(weight)
    else { return nil }
    let (depth, channels) = (w[1], w[0])
    var params = ir_matrix_multiply_params(
      outer_batch: 1, inner_batch: x[0], rows: pixels, columns: channels, depth: depth,
      a: ir_matrix_strides(outer: 0, inner: depth * pixels, row: 1, column: pixels),
      b: ir_matrix_strides(outer: 0, inner: 0, row: 1, column: depth),
      c: ir_matrix_strides(outer: 0, inner: channels * pixels, row: 1, column: pixels),
      alpha: 1, activation: activation.kind, function: activation.function?.opcode ?? IR_ELEMENTWISE_COPY,
      p: activation.function?.p ?? 0, q: activation.function?.q ?? 0,
      is_bfloat16: library.support.isBFloat16(rows: channels, depth: depth), has_packed_columns: true)
    let fixed = params
    let packed = library.packing.columns(of: weight, for: params)
    let operands = FusedOperands(self)
    let workspace = ir_matrix_multiply_workspace(&params, Int32(request.threadCount))
    return CPUKernel(
      "conv2d.pixels" + (params.is_bfloat16 ? ".bf16" : "") + operands.suffix, workspace: workspace,
      prepared: [1], holding: [packed]
    ) { arguments in
      var params = fixed
      ir_matrix_multiply(
        &params, arguments.input(0), packed.pointer.assumingMemoryBound(to: Float.self), nil,
        operands.bias(arguments), operands.residual(arguments), arguments.output(), arguments.workspace,
        arguments.threads)
    }
  }
}
