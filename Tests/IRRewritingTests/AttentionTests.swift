import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

/// The rewritten graph and its program compute what the graph says, for every number of threads the same.
private func check(
  _ graph: Graph, _ shape: Shape, tolerance: Double = 1e-5, sourceLocation: SourceLocation = #_sourceLocation
) throws -> Program {
  var generator = SeededGenerator(seed: 9)
  let feeds = ["x": generator.tensor(shape)]
  let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
  let (simplified, _) = try Compiler().simplified(graph)
  let rewritten = try GraphInterpreter(simplified).run(feeds)["y"]
  expectClose(rewritten, expected, .ofRange(tolerance), "rewritten")
  #expect(try Compiler().simplified(simplified).1.patchCount == 0, sourceLocation: sourceLocation)
  var first: Tensor?
  for threads in 1...3 {
    let program = try Compiler(threadCount: threads).compile(graph)
    #expect(program.memoryPlan.conflict == nil, sourceLocation: sourceLocation)
    let found = try Session(program, options: RuntimeOptions(threadCount: threads)).run(feeds)["y"]
    expectClose(found, expected, .ofRange(tolerance), "compiled")
    #expect(first == nil || first == found, sourceLocation: sourceLocation)
    first = found
  }
  return try Compiler(threadCount: 2).compile(graph)
}

private let blocks: [(WindowBlock, Shape)] = [
  (WindowBlock(heads: 2, side: 4), [1, 8, 8, 12]),
  (WindowBlock(heads: 3, side: 4, shift: 2, hasMask: true), [1, 12, 12, 8]),
  (WindowBlock(heads: 1, side: 3, shift: 1), [2, 5, 9, 6]),
  (WindowBlock(heads: 2, side: 8, shift: 4, hasMask: true), [1, 20, 16, 24]),
  (WindowBlock(heads: 2, side: 4, isPyTorch: true), [1, 8, 8, 12]),
  (WindowBlock(heads: 2, side: 4, shift: 2, hasMask: true, isPyTorch: true), [1, 12, 8, 12]),
]

/// Whatever an exporter writes, attention in windows and two convolutions are left, and nothing is moved.
@Test(arguments: blocks.indices) func windowAttentionIsRecognised(_ index: Int) throws {
  let (block, shape) = blocks[index]
  var generator = SeededGenerator(seed: 3)
  let graph = try build(shape) { b, x in try block.value(x, &b, &generator) }
  let left = try operators(of: graph)
  let wanted = ["LayerNormalization", "Convolution", "Attention", "FusedConvolution"]
  #expect(left == wanted)
  _ = try check(graph, shape)
}

/// Tokens that are no picture, with a factor on the scores.
@Test func tokenAttentionIsRecognised() throws {
  let shape: Shape = [2, 9, 12]
  var generator = SeededGenerator(seed: 4)
  let graph = try build(shape) { b, x in
    func headed(_ b: inout GraphBuilder) throws -> ValueID {
      let weight = b.constant(generator.tensor([12, 12], in: -0.5...0.5))
      let y = try b.value(MatrixMultiply(), [x, weight])
      return try b.value(
        Transpose(permutation: [0, 2, 1, 3]), [try b.value(Reshape(shape: [2, 9, 3, 4]), [y])])
    }
    let raw = try b.value(MatrixMultiply(transposesB: true), [try headed(&b), try headed(&b)])
    let root = b.constant(Tensor(TensorType(.float32, .scalar), doubles: [2]))
    let weights = try b.value(Softmax(axis: 3), [try b.value(Binary(.divide), [raw, root])])
    let mixed = try b.value(MatrixMultiply(), [weights, try headed(&b)])
    return try b.value(
      Reshape(shape: shape), [try b.value(Transpose(permutation: [0, 2, 1, 3]), [mixed])])
  }
  let left = try operators(of: graph).sorted()
  #expect(left == ["Attention", "MatrixMultiply", "MatrixMultiply", "MatrixMultiply"])
  _ = try check(graph, shape)
}

/// Pixels of a feature map as tokens, without windows, as diffusion networks have it: projections become
/// convolutions, and attention reads their results where they are.
@Test func pixelAttentionIsRecognised() throws {
  let shape: Shape = [1, 12, 5, 6]
  var generator = SeededGenerator(seed: 8)
  let graph = try build(shape) { b, x in
    let pixels = try b.value(Transpose(permutation: [0, 2, 3, 1]), [x])
    let tokens = try b.value(Reshape(shape: [1, 30, 12]), [pixels])
    func headed(_ b: inout GraphBuilder) throws -> ValueID {
      let weight = b.constant(generator.tensor([12, 12], in: -0.5...0.5))
      let y = try b.value(MatrixMultiply(), [tokens, weight])
      return try b.value(
        Transpose(permutation: [0, 2, 1, 3]), [try b.value(Reshape(shape: [1, 30, 3, 4]), [y])])
    }
    let raw = try b.value(MatrixMultiply(transposesB: true), [try headed(&b), try headed(&b)])
    let mixed = try b.value(
      MatrixMultiply(), [try b.value(Softmax(axis: 3), [raw]), try headed(&b)])
    let together = try b.value(
      Reshape(shape: [1, 30, 12]), [try b.value(Transpose(permutation: [0, 2, 1, 3]), [mixed])])
    let projected = try b.value(
      MatrixMultiply(), [together, b.constant(generator.tensor([12, 12], in: -0.5...0.5))])
    return try b.value(
      Reshape(shape: shape), [try b.value(Transpose(permutation: [0, 2, 1]), [projected])])
  }
  let left = try operators(of: graph).sorted()
  #expect(left == ["Attention"] + [String](repeating: "Convolution", count: 4))
  _ = try check(graph, shape)
}

/// Weights that something else reads have to be there.
@Test func attentionWhoseWeightsAreUsedIsLeftAlone() throws {
  let graph = try build([1, 2, 6, 4]) { b, x in
    let scores = try b.value(MatrixMultiply(transposesB: true), [x, x])
    let weights = try b.value(Softmax(axis: 3), [scores])
    b.output(weights, name: "weights")
    return try b.value(MatrixMultiply(), [weights, x])
  }
  #expect(try operators(of: graph).contains("Softmax"))
}

@Test func partsInTheOtherOrderAreARoll() throws {
  func rolled(_ x: ValueID, _ axis: Int, by cut: Int, _ b: inout GraphBuilder) throws -> ValueID {
    let extent = b.shape(of: x)[axis]
    let parts = try b.apply(Split(axis: axis, sizes: [cut, extent - cut]), [x])
    return try b.value(Concatenate(axis: axis), [parts[1], parts[0]])
  }
  let there = try build([3, 5, 7]) { b, x in
    try rolled(try rolled(x, 1, by: 2, &b), 2, by: 3, &b)
  }
  #expect(try operators(of: there) == ["Roll"])
  _ = try check(there, [3, 5, 7], tolerance: 0)
  let andBack = try build([3, 5, 7]) { b, x in
    let moved = try rolled(try rolled(x, 1, by: 2, &b), 2, by: 3, &b)
    let back = try rolled(try rolled(moved, 1, by: 3, &b), 2, by: 4, &b)
    return try b.value(Unary(.neg), [back])
  }
  #expect(try operators(of: andBack) == ["Unary"])
}

/// Convolutions of a dense block write where their concatenations have them, leaky rectification and factor
/// included.
@Test func denseBlocksCopyNothing() throws {
  let shape: Shape = [1, 32, 9, 13]
  var generator = SeededGenerator(seed: 6)
  let graph = try build(shape) { b, x in
    func convolved(_ x: ValueID, to channels: Int, _ b: inout GraphBuilder) throws -> ValueID {
      let weight = b.constant(generator.tensor([channels, b.shape(of: x)[1], 3, 3], in: -0.1...0.1))
      let bias = b.constant(generator.tensor([channels]))
      let window = Convolution(padding: 1)
      return try b.value(window, [x, weight, bias])
    }
    let first = try b.value(Unary(.tanh), [x])
    var known = [first]
    for _ in 0..<3 {
      let joined = try b.value(Concatenate(axis: 1), known)
      known.append(
        try b.value(Activation(.leakyRelu, alpha: 0.2), [try convolved(joined, to: 32, &b)]))
    }
    let last = try convolved(try b.value(Concatenate(axis: 1), known), to: 32, &b)
    let factor = b.constant(Tensor(TensorType(.float32, .scalar), doubles: [0.2]))
    return try b.value(Binary(.add), [first, try b.value(Binary(.multiply), [last, factor])])
  }
  let program = try check(graph, shape)
  #expect(!program.steps.contains { $0.operatorName == "Concatenate" })
  #expect(program.steps.map(\.kernel.name).first == "region(elementwise conv3x3.winograd)")
  #expect(program.steps.dropFirst().allSatisfy { $0.kernel.name.hasPrefix("conv3x3.winograd") })
  #expect(program.steps.count == 4)
}

/// An input of the graph lies where the caller has it.
@Test func concatenationsOfInputsAreCopied() throws {
  let shape: Shape = [1, 32, 5, 6]
  let graph = try build(shape) { b, x in
    var generator = SeededGenerator(seed: 8)
    let joined = try b.value(Concatenate(axis: 1), [try b.value(Unary(.tanh), [x]), x])
    let weight = b.constant(generator.tensor([32, 64, 3, 3], in: -0.1...0.1))
    let window = Convolution(padding: 1)
    return try b.value(window, [joined, weight])
  }
  _ = try check(graph, shape)
}
