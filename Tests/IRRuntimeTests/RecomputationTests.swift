import IRGraph
import IRTensor
import IRTestSupport
import Testing

@testable import IRCompiler
@testable import IRRuntime

private let attentions: [TransposedAttention] = [
  TransposedAttention(heads: 1, size: 3, height: 9, width: 17),
  TransposedAttention(heads: 2, size: 20, height: 33, width: 70),
  TransposedAttention(heads: 3, size: 5, height: 8, width: 40),
]

/// v is computed where it is read, and the first region computes q and k alone.
@Test(arguments: attentions)
private func readersComputeWhatTheyRead(attention: TransposedAttention) throws {
  let kernels = CPUKernelLibrary()
  let (graph, report) = try Compiler(kernels: kernels).simplified(try attention.graph())
  func lowering(_ graph: Graph, _ threads: Int = 1) -> Lowering {
    Lowering(graph: graph, kernels: kernels, threadCount: threads)
  }
  let before = lowering(graph)
  let regions = before.regions()
  let plain = try before.program(of: regions, report: report)
  var recomputation = Recomputation(graph, regions, machine: before.machine)
  let crossing = try #require(recomputation.crossings.first)
  #expect(recomputation.crossings.count == 1, "k is a result, and no other picture crosses")
  let isComputedAgain = recomputation.recompute(crossing)
  #expect(isComputedAgain)
  #expect(recomputation.names.count == 1 && recomputation.crossings.isEmpty)
  try recomputation.graph.verify()
  let expected = try Session(plain).run(["x": attention.input()])
  for threads in 1...3 {
    let program = try lowering(recomputation.graph, threads).program(
      of: recomputation.regions, report: report)
    #expect(program.memoryPlan.conflict == nil)
    func work(_ program: Program) -> Int { program.steps.reduce(0) { $0 + $1.multiplyAddCount } }
    #expect(work(program) == work(plain), "v is computed in one of the two regions, not in both")
    let options = RuntimeOptions(threadCount: threads)
    let found = try Session(program, options: options).run(["x": attention.input()])
    for (name, tensor) in expected { expectClose(found[name], tensor, .exact, "\(threads) threads: \(name)") }
  }
}

@Test(arguments: attentions)
private func programsForAnyNumberOfThreadsComputeTheSame(attention: TransposedAttention) throws {
  let graph = try attention.graph()
  let expected = try Session(try Compiler().compile(graph)).run(["x": attention.input()])
  for threads in 1...3 {
    for limit in [nil, 1] {
      let program = try Compiler(threadCount: threads, memoryByteCount: limit).compile(graph)
      let options = RuntimeOptions(threadCount: threads)
      let found = try Session(program, options: options).run(["x": attention.input()])
      for (name, tensor) in expected {
        expectClose(found[name], tensor, .exact, "\(threads) threads, limit \(limit ?? 0): \(name)")
      }
    }
  }
}

@Test(arguments: 0..<40 as Range<UInt64>)
private func lessMemoryKeepsTheBitsOfRandomGraphs(seed: UInt64) throws {
  for hasWindows in [false, true] {
    let sample = try RandomGraph(seed: seed, hasWindows: hasWindows)
    let plain = try Compiler().compile(sample.graph)
    let small = try Compiler(memoryByteCount: 1).compile(sample.graph)
    #expect(small.memoryPlan.peakByteCount <= plain.memoryPlan.peakByteCount)
    #expect(small.memoryPlan.conflict == nil)
    let expected = try Session(plain).run(sample.feeds)
    let found = try Session(small).run(sample.feeds)
    for (name, tensor) in expected { expectClose(found[name], tensor, .exact, "seed \(seed): \(name)") }
  }
}
