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

/// A convolution behind channel attention, whose weights are computed at run time; then a wide window, a
/// strided one, its adjoint, a product of matrices and attention.
private func mixture() throws -> Graph {
  var generator = SeededGenerator(seed: 5)
  var g = GraphBuilder()
  func weight(_ shape: Shape) -> ValueID { g.constant(generator.tensor(shape, in: -0.2...0.2)) }
  let x = g.input("x", TensorType(.float32, [1, 3, 20, 36]))
  let wide = try g.value(Convolution(padding: 1), [x, weight([32, 3, 3, 3])])
  let mean = try g.value(Reduce(.mean, axes: [2, 3]), [wide])
  let gain = try g.value(Convolution.pointwise, [mean, weight([32, 32, 1, 1])])
  let scaled = try g.value(Binary(.multiply), [wide, gain])
  let mixed = try g.value(Convolution.pointwise, [scaled, weight([32, 32, 1, 1])])
  let windows = try g.value(Convolution(padding: 1), [mixed, weight([32, 32, 3, 3]), weight([32])])
  let half = try g.value(Convolution(stride: 2, padding: 1), [windows, weight([24, 32, 3, 3])])
  let whole = try g.value(ConvolutionTranspose(stride: 2, padding: 1), [half, weight([24, 16, 4, 4])])
  let product = try g.value(MatrixMultiply(), [whole, weight([36, 36])])
  let attended = try g.value(
    Attention(
      heads: 1, size: 16, valueSize: 16, scale: 0.3, window: [4, 4],
      offset: [0, 0]), [product, product, product])
  g.output(try g.value(Convolution.pointwise, [attended, weight([3, 16, 1, 1])]), name: "y")
  return try g.finished()
}

private func mixtureInput() -> Tensor {
  var generator = SeededGenerator(seed: 8)
  return generator.tensor([1, 3, 20, 36], in: 0...1)
}

@Test func everyKindOfProductIsInBFloat16() throws {
  let graph = try mixture()
  let exact = try #require(try GraphInterpreter(graph).run(["x": mixtureInput()])["y"])
  let program = try Compiler(precision: .bfloat16).compile(graph)
  let words = [
    "conv1x1.bf16", "conv3x3.winograd.bf16", "conv2d.bf16", "conv2d-transpose.bf16", "matrix-multiply.bf16",
    "attention.windows.bf16",
  ]
  for word in words { #expect(program.description.contains(word), "\(word)") }
  // Of the product with computed weights too.
  #expect(
    program.steps.flatMap(\.kernel.listing).contains {
      $0.contains("pairs_convolution") && $0.contains("weights=input")
    })
  let found = try #require(try Session(program).run(["x": mixtureInput()])["y"])
  let range = exact.doubles.map { abs($0) }.max() ?? 0
  let errors = zip(found.doubles, exact.doubles).map { abs($0 - $1) / range }
  #expect((errors.max() ?? 1) < 0x1p-5 && (errors.max() ?? 0) > 1e-5)
}

@Test func everyKindOfProductInBFloat16HasTheSameBitsForAllThreads() throws {
  let graph = try mixture()
  let one = try Session(try Compiler(precision: .bfloat16).compile(graph)).run(["x": mixtureInput()])
  for threads in [2, 3] {
    let program = try Compiler(threadCount: threads, precision: .bfloat16).compile(graph)
    let session = try Session(program, options: RuntimeOptions(threadCount: threads))
    #expect(try session.run(["x": mixtureInput()]) == one)
  }
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
