import IRCompiler
import IRGraph
import IRTensor

/// Every operator by its definition.
package struct ReferenceKernelLibrary: KernelLibrary {
  package init() {}

  package func kernel(for request: KernelRequest) -> (any Kernel)? {
    ReferenceKernel(
      operator: request.operator, inputTypes: request.inputTypes, outputTypes: request.outputTypes)
  }
}

private struct ReferenceKernel: Kernel {
  let `operator`: any Operator
  let inputTypes: [TensorType]
  let outputTypes: [TensorType]

  var name: String { "evaluate.\(`operator`.name)" }
  var isReference: Bool { true }

  func run(_ arguments: KernelArguments) {
    let inputs = zip(inputTypes, arguments.inputs).map { type, pointer in
      Tensor(type) { $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: type.byteCount)) }
    }
    for (result, output) in zip(`operator`.results(inputs, outputTypes), arguments.outputs) {
      result.withUnsafeBytes { bytes in
        if let start = bytes.baseAddress { output.copyMemory(from: start, byteCount: bytes.count) }
      }
    }
  }
}
