import IRCompiler
import IRONNX
import IRRuntime

/// Any bytes as a model: read, imported for small sizes and compiled. What is refused must be refused with a
/// sentence; anything else is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzModel(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  do {
    let model = try ONNXModel(bytes: UnsafeRawBufferPointer(start: start, count: count))
    var binding = ONNXBinding()
    for name in model.openDimensions { binding.dimensions[name] = 16 }
    let graph = try ONNXImporter(model).graph(binding: binding)
    let compiler = Compiler(threadCount: 2)
    let program = try compiler.compile(graph)
    precondition(program.memoryPlan.conflict == nil || program.steps.count > 200)
  } catch {
    precondition(!"\(error)".isEmpty)
  }
  return 0
}

/// libFuzzer's own main; the package manager makes this symbol the program's.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> Int32
) -> Int32

@_cdecl("fuzz_model_main")
public func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
  var (count, arguments) = (count, arguments)
  return runDriver(&count, &arguments) { fuzzModel($0, $1) }
}
