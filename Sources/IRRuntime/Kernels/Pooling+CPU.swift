import CIROperators
import IRCompiler
import IROperators
import IRTensor

extension MaxPool: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    hasIndices ? nil : window.kernel(IR_POOLING_MAX, countsPadding: false, request)
  }
}

extension AveragePool: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    window.kernel(IR_POOLING_AVERAGE, countsPadding: countsPadding, request)
  }
}

extension PoolingWindow {
  fileprivate func kernel(
    _ kind: ir_pooling, countsPadding: Bool, _ request: KernelRequest
  ) -> (any Kernel)? {
    let (x, y) = (request.inputTypes[0].shape, request.outputTypes[0].shape)
    guard x.rank == 4, (padsBefore + padsAfter).allSatisfy({ $0 >= 0 }) else { return nil }
    let params = ir_pool2d_params(
      planes: x[0] * x[1], input_height: x[2], input_width: x[3], output_height: y[2], output_width: y[3],
      kernel_height: kernel[0], kernel_width: kernel[1], stride_y: strides[0],
      stride_x: strides[1], dilation_y: dilations[0], dilation_x: dilations[1],
      pad_top: padsBefore[0], pad_left: padsBefore[1], pad_bottom: padsAfter[0],
      pad_right: padsAfter[1], kind: kind,
      counts_padding: countsPadding)
    return CPUKernel("pool2d") { arguments in
      var params = params
      ir_pool2d(&params, arguments.input(0), arguments.output(), arguments.threads)
    }
  }
}
