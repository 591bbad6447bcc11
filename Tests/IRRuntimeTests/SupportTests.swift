import CIROperators
import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import Testing

/// The library has kernels for all that it says it has, and for no more.
@Suite struct SupportTests {
  @Test func functionsThatAreSupportedHaveKernels() throws {
    let kernels = CPUKernelLibrary()
    let type = TensorType(.float32, [2, 3, 4, 5])
    func isFast(_ operation: any Operator, _ count: Int) throws -> Bool? {
      let inputs = [TensorType](repeating: type, count: count)
      guard let outputs = try? operation.outputTypes(for: inputs), outputs == [type] else { return nil }
      let request = KernelRequest(
        operator: operation, inputTypes: inputs, outputTypes: outputs, constants: inputs.map { _ in nil },
        threadCount: 2)
      return !(try #require(kernels.kernel(for: request))).isReference
    }
    var fast = 0
    for function in UnaryFunction.allCases {
      guard let found = try isFast(Unary(function), 1) else { continue }
      #expect(found == kernels.support.supports(.unary(function)), "\(function)")
      fast += found ? 1 : 0
    }
    for function in BinaryFunction.allCases {
      guard let found = try isFast(Binary(function), 2) else { continue }
      #expect(found == kernels.support.supports(.binary(function)), "\(function)")
      fast += found ? 1 : 0
    }
    for function in ActivationFunction.allCases {
      guard let found = try isFast(Activation(function), 1) else { continue }
      #expect(found == kernels.support.supports(.activation(Activation(function))), "\(function)")
      fast += found ? 1 : 0
    }
    #expect(fast > 30)
  }

  /// The longest chain that is supported has a kernel of its own and in a region, and the next longer one has
  /// none.
  @Test func chainsAsLongAsSupportedHaveKernels() throws {
    let kernels = CPUKernelLibrary()
    func chain(_ inputs: Int, _ instructions: Int) -> ElementwiseChain {
      ElementwiseChain(
        inputCount: inputs,
        instructions: (0..<instructions).map {
          ElementwiseChain.Instruction(.binary(.add), [$0 == 0 ? 0 : inputs + $0 - 1, $0 % inputs])
        })
    }
    let (operands, registers) = (kernels.support.operands, kernels.support.registers)
    #expect(kernels.support.supports(chain(operands, registers - operands)))
    #expect(!kernels.support.supports(chain(operands + 1, 2)))
    #expect(!kernels.support.supports(chain(2, registers - 1)))
    var builder = GraphBuilder()
    let inputs = (0..<operands).map { builder.input("x\($0)", TensorType(.float32, [1, 4, 9, 9])) }
    let joined = try builder.value(chain(operands, registers - operands), inputs)
    builder.output(try builder.value(LayerNormalization(axes: [1]), [joined]), name: "y")
    let program = try Compiler().compile(try builder.finished())
    #expect(program.steps.map(\.kernel.name) == ["region(elementwise norm)"])
  }

  /// A plan that the library's limits allow and that it has no kernel for is an error with the plan in it.
  @Test func missingRegionKernelsAreErrors() throws {
    struct Silent: KernelLibrary {
      let kernels = CPUKernelLibrary()
      var support: KernelSupport { kernels.support }
      var machine: MachineModel { kernels.machine }
      func kernel(for request: KernelRequest) -> (any Kernel)? { kernels.kernel(for: request) }
    }
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [1, 4, 9, 9]))
    builder.output(try builder.value(LayerNormalization(axes: [1]), [x], name: "norm"), name: "y")
    let graph = try builder.finished()
    let error = #expect(throws: CompilerError.self) { try Compiler(kernels: Silent()).compile(graph) }
    #expect("\(try #require(error))".contains("the region that ends in norm has no kernel"))
  }

  /// Receptive fields count in the kernels' tiles. The compiler chooses no convolution that the driver does
  /// not compute, and none but for its channels that it does.
  @Test func winogradConvolutionsAreTheDrivers() throws {
    let form = try #require(CPUKernelLibrary().support.winograd)
    for kernel in 1...5 {
      for (stride, dilation, groups) in [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2)] {
        let convolution = Convolution(
          strides: [stride, 1], padsBefore: [1, 1], padsAfter: [1, 1], dilations: [1, dilation],
          groupCount: groups)
        var params = ir_conv2d_params()
        (params.kernel_height, params.kernel_width) = (kernel, 3)
        (params.stride_y, params.stride_x, params.groups) = (stride, 1, groups)
        (params.dilation_y, params.dilation_x) = (1, dilation)
        #expect(
          form.applies(to: convolution, weight: [64, 64, kernel, 3]) == ir_conv2d_winograd_applies(&params))
      }
    }
  }
}
