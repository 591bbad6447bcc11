import CIROperators
import IRCompiler
import IROperators
import IRTensor

/// The geometry of one or two spatial axes as the drivers have it, or nil for what they do not cover.
private func parameters(
  _ x: Shape, _ kernel: ArraySlice<Int>, _ y: Shape, strides: [Int], dilations: [Int], padsBefore: [Int],
  groups: Int, _ support: KernelSupport
) -> ir_conv2d_params? {
  let rank = x.rank - 2
  guard rank == 1 || rank == 2, padsBefore.allSatisfy({ $0 >= 0 }) else { return nil }
  func pick(_ list: [Int], _ axis: Int, _ missing: Int) -> Int {
    rank == 2 ? list[axis] : (axis == 1 ? list[0] : missing)
  }
  func extent(_ shape: Shape, _ axis: Int) -> Int { rank == 2 ? shape[axis + 2] : (axis == 1 ? shape[2] : 1) }
  let kernel = Array(kernel)
  return ir_conv2d_params(
    batch: x[0], input_channels: x[1], input_height: extent(x, 0), input_width: extent(x, 1),
    output_channels: y[1], output_height: extent(y, 0), output_width: extent(y, 1),
    kernel_height: pick(kernel, 0, 1), kernel_width: pick(kernel, 1, 1),
    stride_y: pick(strides, 0, 1), stride_x: pick(strides, 1, 1),
    dilation_y: pick(dilations, 0, 1), dilation_x: pick(dilations, 1, 1),
    pad_top: pick(padsBefore, 0, 0), pad_left: pick(padsBefore, 1, 0), groups: groups,
    activation: IR_ACTIVATION_NONE, slope: 0, function: IR_ELEMENTWISE_COPY, p: 0, q: 0,
    is_bfloat16: support.isBFloat16(rows: y[1] / max(groups, 1), depth: x[1] / max(groups, 1)))
}

private func isDepthwise(_ params: ir_conv2d_params) -> Bool {
  params.groups == params.input_channels && params.groups > 1
}

/// The words for a convolution in kernels' names.
private func kind(_ params: ir_conv2d_params) -> String {
  if isDepthwise(params) { return ".depthwise" }
  return (params.kernel_height == 1 && params.kernel_width == 1 && params.groups == 1 ? ".1x1" : "")
    + precision(params)
}

private func precision(_ params: ir_conv2d_params) -> String { params.is_bfloat16 ? ".bf16" : "" }

extension FusedConvolution: FastOperator {
  /// A convolution with the sum and the activation that the compiler has fused with it.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, w, y) = (request.inputTypes[0].shape, request.inputTypes[1].shape, request.outputTypes[0].shape)
    guard let activation = driverActivation,
      var params = parameters(
        x, w.extents[2...], y, strides: convolution.strides, dilations: convolution.dilations,
        padsBefore: convolution.padsBefore, groups: convolution.groupCount, library.support)
    else { return nil }
    activation.fill(&params)
    let isWinograd = library.support.isWinograd(convolution, weight: w)
    let operands = FusedOperands(self)
    let fixed = params
    let isStreamed = library.support.winograd?.isStreamed(w) ?? false
    let isSmall =
      library.support.formsFollowSizes && !isStreamed && ir_conv2d_winograd_lacks_tiles(&params)
    if isWinograd, activation.function == nil, let weight = request.constants[1], !isSmall {
      if isStreamed {
        return streamedWinograd(params, weight, operands, request)
      }
      return packingKernel(
        "conv3x3.winograd" + precision(params) + operands.suffix, request, library.packing,
        PackedForm(params, isWinograd: true),
        workspace: ir_conv2d_winograd_workspace(&params, Int32(request.threadCount)),
        inPlace: operands.inPlace
      ) { arguments, packed, workspace in
        var params = fixed
        ir_conv2d_winograd(
          &params, arguments.input(0), packed, operands.bias(arguments), operands.residual(arguments),
          arguments.output(), workspace, arguments.threads)
      }
    }
    guard params.activation != IR_ACTIVATION_LEAKY_RELU else { return nil }
    if ir_conv2d_is_pixel(&params), params.input_channels > 0 {
      let stored = request.constants[1].flatMap { library.packing.isAtRun($0) ? $0 : nil }
      let workspace = ir_conv2d_pixel_workspace(&params, stored != nil, Int32(request.threadCount))
      return CPUKernel(
        "conv2d.pixel" + operands.suffix, workspace: workspace, inPlace: operands.inPlace,
        prepared: stored == nil ? [] : [1]
      ) { arguments in
        var params = fixed
        ir_conv2d_pixel(
          &params, arguments.input(0), stored.map { ir_weights($0) } ?? ir_weights(arguments.input(1)),
          operands.bias(arguments), operands.residual(arguments), arguments.output(), arguments.workspace,
          arguments.threads)
      }
    }
    if let kernel = pixelProduct(request, library) { return kernel }
    guard activation.function == nil || isDepthwise(params) else { return nil }
    let hasParts = library.support.formsFollowSizes && ir_conv2d_has_parts(&params)
    let threads = Int32(request.threadCount)
    return packingKernel(
      "conv2d" + (hasParts ? ".parts" + precision(params) : kind(params)) + operands.suffix, request,
      library.packing, PackedForm(params, isWinograd: false),
      workspace: hasParts
        ? ir_conv2d_parts_workspace(&params, threads) : ir_conv2d_workspace(&params, threads),
      inPlace: operands.inPlace
    ) { arguments, packed, workspace in
      var params = fixed
      (hasParts ? ir_conv2d_parts : ir_conv2d)(
        &params, arguments.input(0), packed, operands.bias(arguments), operands.residual(arguments),
        arguments.output(), workspace, arguments.threads)
    }
  }
}

extension Convolution: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    FusedConvolution(self, hasBias: request.inputTypes.count > 2).kernel(for: request, in: library)
  }
}

/// A convolution of Winograd's form whose weights are evaluated in each run.
private func streamedWinograd(
  _ params: ir_conv2d_params, _ weight: Tensor, _ operands: FusedOperands, _ request: KernelRequest
) -> any Kernel {
  var params = params
  let workspace = ir_conv2d_winograd_streamed_workspace(
    &params, ir_weights(weight).is_half, Int32(request.threadCount))
  let fixed = params
  return CPUKernel(
    "conv3x3.winograd.streamed" + precision(params) + operands.suffix, workspace: workspace,
    inPlace: operands.inPlace, prepared: [1]
  ) { arguments in
    var params = fixed
    ir_conv2d_winograd_streamed(
      &params, arguments.input(0), ir_weights(weight), operands.bias(arguments), operands.residual(arguments),
      arguments.output(), arguments.workspace, arguments.threads)
  }
}

/// The places of a fused convolution's bias and residual among its inputs.
struct FusedOperands {
  private let biasIndex: Int?
  private let residualIndex: Int?
  /// The words for what is fused, in kernels' names.
  let suffix: String

  init(_ fused: FusedConvolution) {
    biasIndex = fused.hasBias ? 2 : nil
    residualIndex = fused.hasResidual ? fused.ownInputCount : nil
    suffix = (fused.hasResidual ? ".add" : "") + (fused.activation.map { ".\($0.name)" } ?? "")
  }

  var inPlace: [Int] { residualIndex.map { [$0] } ?? [] }

  func bias(_ arguments: KernelArguments) -> UnsafePointer<Float>? { biasIndex.map { arguments.input($0) } }

  func residual(_ arguments: KernelArguments) -> UnsafePointer<Float>? {
    residualIndex.map { arguments.input($0) }
  }
}

extension FusedConvolution {
  /// The activation as the drivers have it; nil for those that they do not apply.
  var driverActivation: DriverActivation? {
    switch activation {
    case nil: DriverActivation()
    case .unary(.relu)?: DriverActivation(kind: IR_ACTIVATION_RELU)
    case .activation(let activation)? where activation.function == .leakyRelu:
      DriverActivation(kind: IR_ACTIVATION_LEAKY_RELU, slope: activation.alpha)
    case let function?: encodedFunction(function).map { DriverActivation(function: $0) }
    }
  }
}

/// An activation in the terms of the drivers of convolutions and products.
struct DriverActivation {
  var kind = IR_ACTIVATION_NONE
  var slope: Float = 0
  /// A function that is none of the kinds.
  var function: ir_elementwise_instruction?

  func fill(_ params: inout ir_conv2d_params) {
    (params.activation, params.slope) = (kind, slope)
    guard let function else { return }
    (params.function, params.p, params.q) = (function.opcode, function.p, function.q)
  }
}

/// The order in which a convolution's driver reads its weights.
private struct PackedForm: Sendable {
  let params: ir_conv2d_params
  let isWinograd: Bool

  init(_ params: ir_conv2d_params, isWinograd: Bool) {
    (self.params, self.isWinograd) = (params, isWinograd)
  }

  /// Floats of the packed weights.
  var count: Int {
    var params = params
    return isWinograd
      ? ir_conv2d_winograd_packed_weights_count(&params) : ir_conv2d_packed_weights_count(&params)
  }

  /// Numbers of which equal ones pack equally.
  var key: [Int] {
    if isWinograd {
      return [Int((params.is_bfloat16 ? IR_PACKING_WINOGRAD_PAIRS : IR_PACKING_WINOGRAD).rawValue)]
    }
    return [
      Int(IR_PACKING_CONVOLUTION.rawValue), params.is_bfloat16 ? 1 : 0, params.groups, params.stride_y,
      params.stride_x,
    ]
  }

  func pack(_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) {
    var params = params
    if isWinograd {
      ir_conv2d_winograd_pack_weights(&params, source, target)
    } else {
      ir_conv2d_pack_weights(&params, source, target)
    }
  }

  func workspace(isHalf: Bool, threads: Int) -> Int {
    var params = params
    return ir_conv2d_packing_workspace(&params, isWinograd, isHalf, Int32(threads))
  }

  /// Packs weights as they are stored, by all threads.
  func pack(
    _ stored: ir_weights, _ target: UnsafeMutablePointer<Float>, _ workspace: UnsafeMutableRawPointer,
    threads: Int32
  ) {
    var params = params
    ir_conv2d_pack(&params, isWinograd, stored, target, workspace, threads)
  }
}

extension KernelArguments {
  /// The packed weights that the kernel is given, else those that `pack` writes at the start of `memory`.
  fileprivate func packedWeights(
    in memory: UnsafeMutableRawPointer, _ pack: (UnsafeMutablePointer<Float>) -> Void
  ) -> UnsafePointer<Float> {
    if let given = packed.first { return given.assumingMemoryBound(to: Float.self) }
    let own = memory.assumingMemoryBound(to: Float.self)
    pack(own)
    return UnsafePointer(own)
  }
}

/// A kernel whose weight, the second input, is packed: once if it is a constant, else, or where that would
/// take too much memory, at every run that it is not given packed, in front of the driver's workspace.
private func packingKernel(
  _ name: String, _ request: KernelRequest, _ packing: WeightPacking, _ form: PackedForm, workspace: Int,
  inPlace: [Int] = [],
  run: @escaping @Sendable (KernelArguments, UnsafePointer<Float>, UnsafeMutableRawPointer?) -> Void
) -> any Kernel {
  let weight = request.constants[1]
  if let weight, !packing.isAtRun(weight) {
    let packed = packing.weights.storage(
      of: weight, packing: form.key + request.inputTypes[1].shape.extents, count: form.count, form.pack)
    return CPUKernel(name, workspace: workspace, inPlace: inPlace, prepared: [1], holding: [packed]) {
      run($0, packed.pointer.assumingMemoryBound(to: Float.self), $0.workspace)
    }
  }
  let packedBytes = (form.count * 4).roundedUp(toMultipleOf: 64)
  // Weights are packed before the driver writes its workspace.
  let own = max(workspace, form.workspace(isHalf: weight != nil, threads: request.threadCount))
  var kernel = CPUKernel(
    name + ".packed-at-run", workspace: packedBytes + own, inPlace: inPlace,
    prepared: weight == nil ? [] : [1]
  ) { arguments in
    guard let memory = arguments.workspace else { return }
    let packed = arguments.packedWeights(in: memory) {
      form.pack(
        weight.map { ir_weights($0) } ?? ir_weights(arguments.input(1)), $0, memory + packedBytes,
        threads: arguments.threads)
    }
    run(arguments, packed, memory + packedBytes)
  }
  if weight == nil {
    kernel.packings = [KernelPacking(input: 1, byteCount: packedBytes)]
    kernel.packing = { form.pack($1, $2) }
  }
  return kernel
}

extension ConvolutionTranspose: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, w, y) = (request.inputTypes[0].shape, request.inputTypes[1].shape, request.outputTypes[0].shape)
    guard
      var params = parameters(
        x, w.extents[2...], y, strides: strides, dilations: dilations,
        padsBefore: padsBefore, groups: groupCount, library.support)
    else { return nil }
    let fixed = params
    let count = ir_conv2d_transpose_packed_weights_count(&params)
    let workspace = ir_conv2d_transpose_workspace(&params, Int32(request.threadCount))
    let name = "conv2d-transpose" + precision(params)
    @Sendable func pack(_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) {
      var params = fixed
      ir_conv2d_transpose_pack_weights(&params, source, target)
    }
    @Sendable func run(
      _ arguments: KernelArguments, _ packed: UnsafePointer<Float>, _ workspace: UnsafeMutableRawPointer?
    ) {
      var params = fixed
      ir_conv2d_transpose(
        &params, arguments.input(0), packed, arguments.optionalInput(2), nil, arguments.output(), workspace,
        arguments.threads)
    }
    if let weight = request.constants[1] {
      let order = [
        Int(IR_PACKING_TRANSPOSED.rawValue), params.is_bfloat16 ? 1 : 0, params.groups, params.stride_y,
        params.stride_x, params.dilation_y, params.dilation_x, params.pad_top, params.pad_left,
      ]
      let packed = library.packing.weights.storage(of: weight, packing: order + w.extents, count: count, pack)
      return CPUKernel(name, workspace: workspace, prepared: [1], holding: [packed]) {
        run($0, packed.pointer.assumingMemoryBound(to: Float.self), $0.workspace)
      }
    }
    let packedBytes = (count * 4).roundedUp(toMultipleOf: 64)
    var kernel = CPUKernel(name + ".packed-at-run", workspace: packedBytes + workspace) { arguments in
      guard let memory = arguments.workspace else { return }
      let packed = arguments.packedWeights(in: memory) { pack(arguments.input(1), $0) }
      run(arguments, packed, memory + packedBytes)
    }
    kernel.packings = [KernelPacking(input: 1, byteCount: packedBytes)]
    kernel.packing = { pack($1, $2) }
    return kernel
  }
}

extension ConvolutionWeightGradient: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    guard
      var params = parameters(
        request.inputTypes[0].shape, self.kernel[...], request.inputTypes[1].shape,
        strides: convolution.strides, dilations: convolution.dilations, padsBefore: convolution.padsBefore,
        groups: convolution.groupCount, KernelSupport())
    else { return nil }
    let workspace = ir_conv2d_weight_gradient_workspace(&params, Int32(request.threadCount))
    let fixed = params
    return CPUKernel("conv2d\(kind(params)).weight-gradient", workspace: workspace) { arguments in
      var params = fixed
      ir_conv2d_weight_gradient(
        &params, arguments.input(0), arguments.input(1), arguments.output(), arguments.workspace,
        arguments.threads)
    }
  }
}
