import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@Test(arguments: [ElementwiseChain.Function.unary(.relu), .activation(Activation(.gelu))])
func productsTakeTheirSumsAndFunction(function: ElementwiseChain.Function) throws {
  let graph = try build([2, 7, 6]) { b, x in
    var generator = SeededGenerator(seed: 21)
    let wide = try b.value(
      MatrixMultiply(), [x, b.constant(generator.tensor([6, 33]))])
    let biased = try b.value(Binary(.add), [b.constant(generator.tensor([33])), wide])
    let active = try b.value(function.operator, [biased])
    let narrow = try b.value(MatrixMultiply(), [active, b.constant(generator.tensor([33, 6]))])
    return try b.value(Binary(.add), [x, narrow])
  }
  #expect(try operators(of: graph) == ["FusedMatrixMultiply", "FusedMatrixMultiply"])
  var generator = SeededGenerator(seed: 22)
  let feeds = ["x": generator.tensor([2, 7, 6])]
  let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
  expectClose(
    try Session(try Compiler(kernels: CPUKernelLibrary()).compile(graph)).run(feeds)["y"], expected,
    .ofRange(2e-6))
}

/// Dilation, padding, and what is left of a window of 5 taps along each axis.
@Test(arguments: [(24, 48, 1), (12, 24, 3), (6, 12, 5), (5, 13, 5)])
func windowsThatSeePaddingAreTrimmed(dilation: Int, padding: Int, taps: Int) throws {
  let graph = try build([1, 2, 16, 20]) { b, x in
    var generator = SeededGenerator(seed: 23)
    return try b.convolution(
      x, weight: b.constant(generator.tensor([3, 2, 5, 5])), bias: b.constant(generator.tensor([3])),
      padding: padding, dilation: dilation)
  }
  let (simplified, _) = try Compiler(kernels: CPUKernelLibrary()).simplified(graph)
  let node = try #require(simplified.nodesInOrder.first.map { simplified[$0] })
  #expect(simplified[node.inputs[1]].type.shape == [3, 2, taps, taps])
  var generator = SeededGenerator(seed: 24)
  let feeds = ["x": generator.tensor([1, 2, 16, 20])]
  let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
  expectClose(try GraphInterpreter(simplified).run(feeds)["y"], expected, .ofRange(1e-12))
}
