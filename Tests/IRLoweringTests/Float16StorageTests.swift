import IRCompiler
import IRGraph
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@testable import IRLowering

@Test func skipsAreKeptAsFloat16First() throws {
  let (graph, input) = try SkipNetwork.sample()
  let plain = try Compiler().compile(graph)
  let expected = try #require(try Session(plain).run(["x": input])["y"])
  let least = try Compiler(memoryByteCount: 1).compile(graph)
  #expect(least.float16Values.isEmpty, "nothing is rounded that need not be")
  var last = least
  for limit in [least.byteCount - 1, 1] {
    let program = try Compiler(memoryByteCount: limit, allowsFloat16Storage: true).compile(graph)
    #expect(program.float16Values.first == "skip")
    #expect(program.byteCount < last.byteCount)
    #expect(program.memoryPlan.conflict == nil)
    let found = try #require(try Session(program).run(["x": input])["y"])
    expectClose(found, expected, .ofRange(2e-3), "\(program.float16Values)")
    #expect(found != expected)
    last = program
  }
  let roomy = try Compiler(memoryByteCount: plain.byteCount, allowsFloat16Storage: true).compile(graph)
  #expect(roomy.float16Values.isEmpty)
}

/// Pictures cross from grid to grid as float16, in blocks of pixels: no step but regions sees them.
@Test func regionsConvertWhatTheyReadAndWrite() throws {
  let (graph, input) = try SkipNetwork.sample()
  let program = try Compiler(threadCount: 3, memoryByteCount: 1, allowsFloat16Storage: true).compile(graph)
  #expect(program.steps.allSatisfy { !["Cast", "SpaceToDepth", "DepthToSpace"].contains($0.operatorName) })
  let results = try (1...3).map { threads in
    try #require(try Session(program, options: RuntimeOptions(threadCount: threads)).run(["x": input])["y"])
  }
  #expect(results.allSatisfy { $0 == results[0] })
}

@Test(arguments: 0..<40 as Range<UInt64>)
private func float16StorageKeepsTheMeaningOfRandomGraphs(seed: UInt64) throws {
  let sample = try RandomGraph(seed: seed)
  let plain = try Compiler(memoryByteCount: 1).compile(sample.graph)
  let small = try Compiler(memoryByteCount: 1, allowsFloat16Storage: true).compile(sample.graph)
  #expect(small.byteCount <= plain.byteCount)
  #expect(small.memoryPlan.conflict == nil)
  let expected = try Session(plain).run(sample.feeds)
  let found = try Session(small).run(sample.feeds)
  for (name, tensor) in expected { expectClose(found[name], tensor, .ofRange(2e-2), "seed \(seed): \(name)") }
}
