import Foundation
import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

/// Two pointwise convolutions with an addition between, the first of which has few channels.
private func network(channels: Int = 24) throws -> Graph {
  var generator = SeededGenerator(seed: 3)
  var g = GraphBuilder()
  func weight(_ shape: Shape) -> ValueID { g.constant(generator.tensor(shape, in: -0.3...0.3)) }
  let x = g.input("x", TensorType(.float32, [1, 3, 19, 37]))
  let plain = Convolution(strides: [1, 1], padsBefore: [0, 0], padsAfter: [0, 0], dilations: [1, 1])
  let wide = try g.value(plain, [x, weight([channels, 3, 1, 1]), weight([channels])])
  let gate = try g.value(Unary(.sigmoid), [wide])
  let narrow = try g.value(plain, [gate, weight([13, channels, 1, 1])])
  g.output(try g.value(plain, [narrow, weight([9, 13, 1, 1]), weight([9])]), name: "y")
  return try g.finished()
}

private func input() -> Tensor {
  var generator = SeededGenerator(seed: 7)
  return generator.tensor([1, 3, 19, 37], in: 0...1)
}

@Test func productsInBFloat16AreNearThoseOfFloat32() throws {
  let graph = try network()
  let exact = try #require(try GraphInterpreter(graph).run(["x": input()])["y"])
  let program = try Compiler(precision: .bfloat16).compile(graph)
  let words = program.description.components(separatedBy: "conv1x1.bf16").count - 1
  // Not that of three channels.
  #expect(words >= 2 && program.description.contains("conv1x1 "))
  let found = try #require(try Session(program).run(["x": input()])["y"])
  let range = exact.doubles.map { abs($0) }.max() ?? 0
  let errors = zip(found.doubles, exact.doubles).map { abs($0 - $1) / range }
  // A half of the last of 8 bits each, and more than float32's.
  #expect((errors.max() ?? 1) < 0x1p-7 && (errors.max() ?? 0) > 1e-5)
  #expect(try !Compiler().compile(graph).description.contains("bf16"))
}

@Test func productsInBFloat16HaveTheSameBitsForAllThreads() throws {
  let graph = try network(channels: 40)
  let one = try Session(try Compiler(precision: .bfloat16).compile(graph)).run(["x": input()])
  for threads in [2, 3] {
    let program = try Compiler(threadCount: threads, precision: .bfloat16).compile(graph)
    let session = try Session(program, options: RuntimeOptions(threadCount: threads))
    #expect(try session.run(["x": input()]) == one)
  }
}
