import FuzzDriver

@testable import IRCompiler
@testable import IRLowering
@testable import IRONNX
@testable import IRRuntime

/// Any bytes as a model: read, imported for small sizes and compiled. What is refused must be refused with a
/// sentence; anything else is a finding.
private func fuzzModel(_ start: UnsafePointer<UInt8>, _ count: Int) {
  do {
    let model = try ONNXModel(bytes: UnsafeRawBufferPointer(start: start, count: count))
    var binding = ONNXBinding()
    for name in model.openDimensions { binding.dimensions[name] = 16 }
    let graph = try ONNXImporter(model).graph(binding: binding)
    let compiler = Compiler(threadCount: 2)
    let program = try compiler.compile(graph)
    precondition(program.steps.count > 200 || program.memoryPlan.conflict == nil)
  } catch {
    precondition(!"\(error)".isEmpty)
  }
}

@_cdecl("fuzz_model_main")
public func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
  runFuzzer(count, arguments) {
    fuzzModel($0, $1)
    return 0
  }
}
