import CIROperators
import IRCompiler
import IROperators
import IRTensor

extension ir_axis_view {
  init(_ view: AxisView) { self.init(outer: view.outer, axis: view.axis, inner: view.inner) }
}

extension Softmax: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    softmax(axis: axis, isLogarithm: false, request)
  }
}

extension LogSoftmax: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    softmax(axis: axis, isLogarithm: true, request)
  }
}

private func softmax(axis: Int, isLogarithm: Bool, _ request: KernelRequest) -> any Kernel {
  let params = ir_softmax_params(
    view: ir_axis_view(AxisView(request.inputTypes[0].shape, axis: axis)), logarithm: isLogarithm)
  return CPUKernel("softmax", inPlace: [0]) { arguments in
    var params = params
    ir_softmax(&params, arguments.input(0), arguments.output(), arguments.threads)
  }
}

extension LayerNormalization: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    normalization(IR_NORMALIZATION_LAYER, axes, epsilon, request)
  }
}

extension RMSNormalization: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    normalization(IR_NORMALIZATION_RMS, axes, epsilon, request)
  }
}

extension L2Normalization: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    normalization(IR_NORMALIZATION_L2, [axis], epsilon, request)
  }
}

private func normalization(
  _ kind: ir_normalization, _ axes: [Int], _ epsilon: Float, _ request: KernelRequest
) -> any Kernel {
  let first = axes.first ?? 0
  let view = AxisView(request.inputTypes[0].shape, axes: first..<(first + axes.count))
  let params = ir_normalize_params(view: ir_axis_view(view), kind: kind, epsilon: epsilon)
  return CPUKernel("normalize", inPlace: [0]) { arguments in
    var params = params
    ir_normalize(
      &params, arguments.input(0), arguments.optionalInput(1), arguments.optionalInput(2),
      arguments.output(), arguments.threads)
  }
}

extension GroupNormalization: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    groups("group-normalize", groupCount, epsilon, request) { params, arguments in
      ir_group_normalize(
        &params, arguments.input(0), arguments.input(1), arguments.input(2), arguments.output(),
        arguments.workspace, arguments.threads)
    }
  }
}

extension GroupStatistics: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    groups("group-statistics", groupCount, epsilon, request) { params, arguments in
      ir_group_statistics(
        &params, arguments.input(0), arguments.input(1), arguments.input(2), arguments.output(0),
        arguments.output(1), arguments.workspace, arguments.threads)
    }
  }
}

/// A kernel that `run` computes for groups of channels.
private func groups(
  _ name: String, _ groupCount: Int, _ epsilon: Float, _ request: KernelRequest,
  _ run: @escaping @Sendable (inout ir_group_normalize_params, KernelArguments) -> Void
) -> any Kernel {
  let shape = request.inputTypes[0].shape
  var params = ir_group_normalize_params(
    batch: shape[0], channels: shape[1], inner: shape.elementCount(in: 2..<shape.rank), groups: groupCount,
    epsilon: epsilon)
  let workspace = ir_group_normalize_workspace(&params, Int32(request.threadCount))
  let fixed = params
  return CPUKernel(name, workspace: workspace) { arguments in
    var params = fixed
    run(&params, arguments)
  }
}

extension LayerNormalizationGradient: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let first = axes.first ?? 0
    let view = AxisView(request.inputTypes[0].shape, axes: first..<(first + axes.count))
    var params = ir_layer_normalization_gradient_params(view: ir_axis_view(view), epsilon: epsilon)
    let workspace = ir_layer_normalization_gradient_workspace(&params, Int32(request.threadCount))
    let fixed = params
    let scale = hasScale ? 2 : nil
    let addend = hasAddend ? request.inputTypes.count - 1 : nil
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
}

extension Reduce: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let axes = self.axes.sorted()
    guard let first = axes.first, axes == Array(first..<(first + axes.count)),
      request.inputTypes[0].shape.elementCount > 0
    else { return nil }
    let kind: ir_reduction
    switch function {
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
}
