import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@testable import IRLowering

/// Pictures are read and written as blocks by the regions that compute them, the sum where the skipped
/// picture was.
@Test(arguments: BlockLevel.samples)
private func blocksAreRegions(level: BlockLevel) throws {
  let graph = try level.graph()
  let expected = try #require(try GraphInterpreter(graph).run(["x": level.input()])["y"])
  var results: [[Double]] = []
  for threads in 1...3 {
    let program = try Compiler(options: CompilerOptions(threadCount: threads), kernels: CPUKernelLibrary())
      .compile(graph)
    let last = try #require(program.steps.last { $0.kernel.name.contains("to-space") })
    #expect(level.isHalf || program.steps.allSatisfy { $0.operatorName == "Region" })
    // Windows read what other steps would have overwritten.
    #expect(last.inputs.contains(last.outputs[0]) == !level.hasWindow)
    #expect(program.memoryPlan.conflict == nil)
    let found = try #require(try Session(program).run(["x": level.input()])["y"])
    expectClose(found, expected, .ofRange(level.isHalf ? 5e-4 : 2e-6), "\(threads) threads")
    results.append(found.doubles)
  }
  #expect(results.allSatisfy { $0 == results[0] })
}
