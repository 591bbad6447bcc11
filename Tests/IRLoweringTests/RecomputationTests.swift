import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@testable import IRLowering

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
  var recomputation = Recomputation(graph, regions, kernels.support, machine: before.machine)
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

/// Both halves of a split cross, to regions of their own: moving one makes the other another value. With
/// means the first of these has sums over any parts of the pixels, which rows would change.
@Test(arguments: [ReduceFunction.maximum, .mean])
func valuesThatChangeMeanwhileAreLeftAlone(function: ReduceFunction) throws {
  var generator = SeededGenerator(seed: 8)
  var b = GraphBuilder()
  let x = b.input("x", TensorType(.float32, [1, 8, 20, 40]))
  func convolution(_ input: ValueID, _ shape: Shape, groups: Int = 1) throws -> ValueID {
    let weight = b.constant(generator.tensor(shape))
    return try b.convolution(input, weight: weight, padding: shape[2] / 2, groupCount: groups)
  }
  let wide = try convolution(try convolution(x, [16, 8, 1, 1]), [16, 1, 3, 3], groups: 16)
  let halves = try b.apply(Split(axis: 1, sizes: [8, 8]), [wide])
  var factor = try b.value(Reduce(function, axes: [2, 3]), [x])
  for (index, half) in halves.enumerated() {
    let scaled = try b.value(Binary(.add), [try b.value(Binary(.multiply), [half, factor]), x])
    let result = try convolution(scaled, [8, 8, 1, 1])
    factor = try b.value(Reduce(function, axes: [2, 3]), [result])
    b.output(result, name: "y\(index)")
  }
  let graph = try b.finished()
  let kernels = CPUKernelLibrary()
  let (simplified, report) = try Compiler(kernels: kernels).simplified(graph)
  let before = Lowering(graph: simplified, kernels: kernels, threadCount: 1)
  var recomputation = Recomputation(
    simplified, before.regions(), kernels.support, machine: before.machine)
  let crossings = recomputation.crossings
  #expect(crossings.count == 2)
  var moved = 0
  for crossing in crossings { if recomputation.recompute(crossing) { moved += 1 } }
  #expect(moved == 1)
  try recomputation.graph.verify()
  let input = ["x": generator.tensor([1, 8, 20, 40])]
  let expected = try Session(try before.program(of: before.regions(), report: report)).run(input)
  let after = Lowering(graph: recomputation.graph, kernels: kernels, threadCount: 1)
  let found = try Session(try after.program(of: recomputation.regions, report: report)).run(input)
  for (name, tensor) in expected { expectClose(found[name], tensor, .exact, name) }
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
