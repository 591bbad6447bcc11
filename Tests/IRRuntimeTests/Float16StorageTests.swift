import IRGraph
import IROperators
import IRTensor
import IRTestSupport
import Testing

@testable import IRCompiler
@testable import IRRuntime

/// A UNet of two levels, a normalised gated step on each, pictures of 8 channels.
private func network() throws -> (graph: Graph, input: Tensor) {
  var generator = SeededGenerator(seed: 21)
  var b = GraphBuilder()
  let shape: Shape = [1, 8, 128, 192]
  let x = b.input("x", TensorType(.float32, shape))
  func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape, in: -0.3...0.3)) }
  func step(_ x: ValueID, _ name: String) throws -> ValueID {
    let count = b.shape(of: x)[1]
    let window = Convolution(
      strides: [1, 1], padsBefore: [1, 1], padsAfter: [1, 1], dilations: [1, 1], groupCount: 2 * count)
    let normal = try b.value(LayerNormalization(axes: [1]), [x])
    let wide = try b.value(Convolution.pointwise, [normal, weight([2 * count, count, 1, 1])])
    let halves = try b.apply(
      Split(axis: 1, sizes: [count, count]), [try b.value(window, [wide, weight([2 * count, 1, 3, 3])])])
    let gate = try b.value(Binary(.multiply), [try b.value(Unary(.sigmoid), [halves[0]]), halves[1]])
    let mean = try b.value(Reduce(.mean, axes: [2, 3]), [gate])
    let scaled = try b.value(Binary(.multiply), [gate, mean])
    let narrow = try b.value(Convolution.pointwise, [scaled, weight([count, count, 1, 1])], name: name)
    return try b.value(Binary(.add), [narrow, x])
  }
  let down = Convolution(strides: [2, 2], padsBefore: [0, 0], padsAfter: [0, 0], dilations: [1, 1])
  let skip = try step(try step(x, "first"), "skip")
  var middle = try b.value(down, [skip, weight([48, 8, 2, 2])])
  for index in 0..<2 { middle = try step(middle, "middle\(index)") }
  let wide = try b.value(Convolution.pointwise, [middle, weight([32, 48, 1, 1])])
  let up = try b.value(Binary(.add), [try b.value(DepthToSpace(blockSize: 2), [wide]), skip], name: "up")
  b.output(try step(up, "last"), name: "y")
  return (try b.finished(), generator.tensor(shape))
}

@Test func skipsAreKeptAsFloat16First() throws {
  let (graph, input) = try network()
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
  let (graph, input) = try network()
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
