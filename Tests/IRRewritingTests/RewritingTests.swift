import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

private let compiler = Compiler()

private func scalar(_ value: Double, _ b: inout GraphBuilder) -> ValueID {
  b.constant(Tensor(TensorType(.float32, .scalar), doubles: [value]))
}

@Test(arguments: 0..<150 as Range<UInt64>)
func everyPrefixOfThePassesKeepsTheMeaning(seed: UInt64) throws {
  try checkPrefixes(try RandomGraph(seed: seed), seed)
}

@Test(arguments: 0..<40 as Range<UInt64>)
func everyPrefixKeepsTheMeaningOfAttentionInWindows(seed: UInt64) throws {
  try checkPrefixes(try RandomGraph(seed: seed, hasWindows: true), seed)
}

private func checkPrefixes(_ sample: RandomGraph, _ seed: UInt64) throws {
  let expected = try GraphInterpreter(sample.graph).run(sample.feeds)
  let total = try compiler.simplified(sample.graph).1.patchCount
  for limit in stride(from: 0, through: total, by: max(1, total / 6)) {
    var limited = compiler
    limited.options.patchLimit = limit
    let found = try GraphInterpreter(try limited.simplified(sample.graph).0).run(sample.feeds)
    for (name, tensor) in expected {
      expectClose(found[name], tensor, .ofRange(1e-4), "seed \(seed), \(limit) patches")
    }
  }
  let (simplified, _) = try compiler.simplified(sample.graph)
  let again = try compiler.simplified(simplified).1.entries.filter { $0.patches > 0 }.map(\.pass)
  #expect(again == [], "seed \(seed): the passes are not idempotent")
  for threadCount in [1, 2] {
    let program = try Compiler(threadCount: threadCount)
      .compile(sample.graph)
    #expect(program.memoryPlan.conflict == nil)
    let found = try Session(program, options: RuntimeOptions(threadCount: threadCount)).run(sample.feeds)
    for (name, tensor) in expected {
      expectClose(found[name], tensor, .ofRange(1e-4), "seed \(seed), compiled")
    }
  }
}

@Test(arguments: 0..<3)
func layerNormalizationIsRecognised(form: Int) throws {
  let graph = try build { b, x in
    let mean = try b.value(Reduce(.mean, axes: [1]), [x])
    let centred = try b.value(Binary(.subtract), [x, mean])
    let square =
      form == 0
      ? try b.value(Binary(.power), [centred, scalar(2, &b)])
      : try b.value(Binary(.multiply), [centred, centred])
    let variance = try b.value(Reduce(.mean, axes: [1]), [square])
    let root = try b.value(Unary(.sqrt), [try b.value(Binary(.add), [variance, scalar(1e-6, &b)])])
    let normal: ValueID
    switch form {
    case 0: normal = try b.value(Binary(.divide), [centred, root])
    case 1: normal = try b.value(Binary(.multiply), [centred, try b.value(Unary(.reciprocal), [root])])
    default:
      normal = try b.value(
        Binary(.multiply), [try b.value(Binary(.divide), [scalar(1, &b), root]), centred])
    }
    var generator = SeededGenerator(seed: 1)
    let scaled = try b.value(Binary(.multiply), [normal, b.constant(generator.tensor([1, 6, 1, 1]))])
    return try b.value(Binary(.add), [scaled, b.constant(generator.tensor([6, 1, 1]))])
  }
  #expect(try operators(of: graph) == ["LayerNormalization"])
  let simplified = try compiler.simplified(graph).0
  let layer = try #require(simplified.nodesInOrder.first.map { simplified[$0] })
  #expect((layer.operator as? LayerNormalization)?.epsilon == 1e-6)
  #expect(layer.inputs.count == 3)
}

/// A quotient by something else than the root of its own variance stays as it is.
@Test func otherNormalizationsAreLeftAlone() throws {
  let graph = try build { b, x in
    let mean = try b.value(Reduce(.mean, axes: [1]), [x])
    let centred = try b.value(Binary(.subtract), [x, mean])
    let variance = try b.value(
      Reduce(.mean, axes: [2]), [try b.value(Binary(.multiply), [centred, centred])])
    let root = try b.value(Unary(.sqrt), [try b.value(Binary(.add), [variance, scalar(1e-6, &b)])])
    return try b.value(Binary(.divide), [centred, root])
  }
  #expect(try !operators(of: graph).contains("LayerNormalization"))
}

@Test func transposedNormalizationLosesItsMovements() throws {
  let graph = try build { b, x in
    let flat = try b.value(Reshape(shape: [1, 6, 32]), [x])
    let moved = try b.value(Transpose(permutation: [0, 2, 1]), [flat])
    let normal = try b.value(LayerNormalization(axes: [2]), [moved])
    return try b.value(
      Reshape(shape: [1, 6, 4, 8]), [try b.value(Transpose(permutation: [0, 2, 1]), [normal])])
  }
  #expect(try operators(of: graph) == ["LayerNormalization"])
}

@Test func geluIsRecognisedInAnyOrder() throws {
  for order in 0..<3 {
    let graph = try build { b, x in
      let scaled =
        order == 0
        ? try b.value(Binary(.divide), [x, scalar(2.0.squareRoot(), &b)])
        : try b.value(Binary(.multiply), [x, scalar(0.5.squareRoot(), &b)])
      let sum = try b.value(Binary(.add), [try b.value(Unary(.erf), [scaled]), scalar(1, &b)])
      if order == 2 {
        return try b.value(Binary(.multiply), [try b.value(Binary(.multiply), [x, scalar(0.5, &b)]), sum])
      }
      return try b.value(Binary(.multiply), [scalar(0.5, &b), try b.value(Binary(.multiply), [sum, x])])
    }
    let simplified = try compiler.simplified(graph).0
    let only = try #require(simplified.nodesInOrder.first)
    #expect(simplified.nodeCount == 1 && (simplified[only].operator as? Activation)?.function == .gelu)
  }
}

@Test func swishIsRecognised() throws {
  for (alpha, isReversed) in [(1.0, false), (1.0, true), (1.702, false)] {
    let graph = try build { b, x in
      let scaled = alpha == 1 ? x : try b.value(Binary(.multiply), [x, scalar(alpha, &b)])
      let gate = try b.value(Unary(.sigmoid), [scaled])
      return try b.value(Binary(.multiply), isReversed ? [gate, x] : [x, gate])
    }
    let simplified = try compiler.simplified(graph).0
    let only = try #require(simplified.nodesInOrder.first)
    let swish = try #require(simplified[only].operator as? Activation)
    #expect(simplified.nodeCount == 1 && swish.function == .swish && swish.alpha == Float(alpha))
  }
}

/// A gate of another value is none.
@Test func otherGatesAreLeftAlone() throws {
  let graph = try build { b, x in
    let gate = try b.value(Unary(.sigmoid), [try b.value(Binary(.add), [x, scalar(1, &b)])])
    return try b.value(Binary(.multiply), [x, gate])
  }
  #expect(try !operators(of: graph).contains("Activation"))
}

@Test func normalizedVectorsAndProductsAreRecognised() throws {
  let graph = try build { b, x in
    let norm = try b.value(Binary(.maximum), [try b.value(Reduce(.l2, axes: [3]), [x]), scalar(1e-12, &b)])
    let unit = try b.value(Binary(.divide), [x, try b.value(Expand(shape: [1, 6, 4, 8]), [norm])])
    return try b.value(MatrixMultiply(), [unit, try b.value(Transpose(permutation: [0, 1, 3, 2]), [unit])])
  }
  #expect(try operators(of: graph) == ["L2Normalization", "MatrixMultiply"])
}

/// Attention between channels costs one product over pixels, q · kᵀ, and the convolution that it is folded
/// into, with the residual.
@Test func transposedAttentionFoldsIntoItsProjection() throws {
  let graph = try build([1, 8, 16, 16]) { b, x in
    var generator = SeededGenerator(seed: 5)
    let flat = try b.value(Reshape(shape: [1, 2, 4, 256]), [x])
    let q = try b.value(L2Normalization(axis: 3), [flat])
    let k = try b.value(L2Normalization(axis: 3), [try b.value(Unary(.tanh), [flat])])
    let weights = try b.value(Softmax(axis: 3), [try b.value(MatrixMultiply(transposesB: true), [q, k])])
    let product = try b.value(
      Reshape(shape: [1, 8, 16, 16]), [try b.value(MatrixMultiply(), [weights, flat])])
    let projected = try b.convolution(
      product, weight: b.constant(generator.tensor([6, 8, 1, 1])), bias: b.constant(generator.tensor([6])))
    return try b.value(Unary(.relu), [projected])
  }
  let simplified = try compiler.simplified(graph).0
  let names = simplified.nodesInOrder.map { simplified[$0].operator.name }
  #expect(!names.contains("L2Normalization") && names.last == "FusedConvolution")
  // q · kᵀ over 256 pixels, projection · attention over channels, the convolution.
  #expect(simplified.multiplyAddCount == 2 * 4 * 4 * 256 + 2 * 6 * 4 * 4 + 6 * 8 * 256)
  var generator = SeededGenerator(seed: 6)
  let feeds = ["x": generator.tensor([1, 8, 16, 16])]
  let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
  expectClose(try Session(try compiler.compile(graph)).run(feeds)["y"], expected, .ofRange(2e-6))
}

@Test func convolutionsTakeTheirResidualAndRectification() throws {
  let graph = try build { b, x in
    var generator = SeededGenerator(seed: 7)
    let y = try b.convolution(x, weight: b.constant(generator.tensor([6, 6, 3, 3])), padding: 1)
    let sum = try b.value(Binary(.add), [try b.value(Unary(.tanh), [x]), y])
    return try b.value(Unary(.relu), [sum])
  }
  #expect(try operators(of: graph) == ["Unary", "FusedConvolution"])
}

/// NAFNet's block: a gain computed from the picture in front of a 1×1 convolution, a constant for each
/// channel and a sum behind it. Nothing of this is left to be done to pictures.
@Test(arguments: [1, 2])
func gainsAndScalesOfChannelsFoldIntoConvolutions(batch: Int) throws {
  let graph = try build([batch, 6, 8, 8]) { b, x in
    var generator = SeededGenerator(seed: 9)
    let gain = try b.value(Reduce(.mean, axes: [2, 3], keepsAxes: true), [x])
    let scaled = try b.value(Binary(.multiply), [x, gain])
    let y = try b.value(
      Convolution.pointwise,
      [scaled, b.constant(generator.tensor([6, 6, 1, 1])), b.constant(generator.tensor([6]))])
    let beta = b.constant(generator.tensor([1, 6, 1, 1]))
    return try b.value(Binary(.add), [x, try b.value(Binary(.multiply), [y, beta])])
  }
  let simplified = try compiler.simplified(graph).0
  let wide = simplified.nodesInOrder.filter {
    simplified[simplified[$0].outputs[0]].type.shape == [batch, 6, 8, 8]
  }
  // The weights are one image's.
  #expect(wide.map { simplified[$0].operator.name } == (batch == 1 ? [] : ["Binary"]) + ["FusedConvolution"])
  var generator = SeededGenerator(seed: 10)
  let feeds = ["x": generator.tensor([batch, 6, 8, 8])]
  let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
  expectClose(try Session(try compiler.compile(graph)).run(feeds)["y"], expected, .ofRange(2e-6))
}

/// A product of equal constants is computed once.
@Test func equalConstantsAreOne() throws {
  let graph = try build { b, x in
    let products = try (0..<2).map { _ in
      var generator = SeededGenerator(seed: 12)
      return try b.value(MatrixMultiply(), [x, b.constant(generator.tensor([8, 5]))])
    }
    return try b.value(Binary(.add), products)
  }
  #expect(try operators(of: graph) == ["MatrixMultiply", "Binary"])
}

/// A node may read a constant more than once, before and after it becomes another one.
@Test func equalConstantsOfOneNodeAreOne() throws {
  let graph = try build { b, x in
    let ones = (0..<2).map { _ in b.constant(Tensor(TensorType(.float32, [6]), repeating: 1)) }
    return try b.value(BatchNormalization(), [x, ones[0], ones[1], ones[1], ones[1]])
  }
  #expect(try operators(of: graph).count == 1)
}

/// A convolution whose result is read twice keeps it.
@Test func sharedConvolutionsStayPlain() throws {
  let graph = try build { b, x in
    var generator = SeededGenerator(seed: 8)
    let y = try b.convolution(x, weight: b.constant(generator.tensor([6, 6, 1, 1])))
    return try b.value(Binary(.add), [y, y])
  }
  #expect(try operators(of: graph) == ["Convolution", "Binary"])
}

@Test func pixelShufflesAreRecognised() throws {
  let graph = try build([1, 8, 4, 6]) { b, x in
    let split = try b.value(Reshape(shape: [1, 2, 2, 2, 4, 6]), [x])
    let moved = try b.value(Transpose(permutation: [0, 1, 4, 2, 5, 3]), [split])
    let large = try b.value(Reshape(shape: [1, 2, 8, 12]), [moved])
    let again = try b.value(Reshape(shape: [1, 2, 4, 2, 6, 2]), [large])
    return try b.value(
      Reshape(shape: [1, 8, 4, 6]), [try b.value(Transpose(permutation: [0, 1, 3, 5, 2, 4]), [again])])
  }
  #expect(try operators(of: graph) == ["DepthToSpace", "SpaceToDepth"])
}

/// Nothing is moved by itself, and the sum replaces the picture that it is with.
@Test func shuffledPicturesAreAddedToOthers() throws {
  var b = GraphBuilder()
  let x = b.input("x", TensorType(.float32, [1, 8, 4, 6]))
  let skip = try b.value(Unary(.exp), [b.input("skip", TensorType(.float32, [1, 2, 8, 12]))])
  let shuffled = try b.pixelShuffle(x, factor: 2)
  b.output(try b.value(Binary(.add), [skip, shuffled]), name: "y")
  let graph = try b.finished()
  #expect(try operators(of: graph) == ["Unary", "SpaceToDepth", "Binary", "DepthToSpace"])
  let steps = try compiler.compile(graph).steps
  #expect(steps.map(\.operatorName) == ["Unary", "Region"])
  #expect(steps[1].inputs.contains(steps[1].outputs[0]), "the sum is where the skip was")
}

@Test func windowsSideBySideAreProductsOfBlocks() throws {
  for (side, bias) in [(2, true), (3, false)] {
    var generator = SeededGenerator(seed: 8)
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, [2, 3, 4 * side, 7 * side]))
    let window = Convolution(stride: side)
    let weights = [b.constant(generator.tensor([5, 3, side, side])), b.constant(generator.tensor([5]))]
    b.output(try b.value(window, [x] + weights[..<(bias ? 2 : 1)]), name: "y")
    let graph = try b.finished()
    #expect(try operators(of: graph) == ["SpaceToDepth", "Reshape", "Convolution"])
    let feeds = ["x": generator.tensor([2, 3, 4 * side, 7 * side])]
    let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
    expectClose(try Session(try compiler.compile(graph)).run(feeds)["y"], expected, .ofRange(1e-6))
  }
}

@Test func windowsThatSpreadSideBySideAreProductsToo() throws {
  for (side, bias) in [(2, true), (3, false)] {
    var generator = SeededGenerator(seed: 9)
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, [2, 3, 4, 7]))
    let window = ConvolutionTranspose(stride: side)
    let weights = [b.constant(generator.tensor([3, 5, side, side])), b.constant(generator.tensor([5]))]
    b.output(try b.value(window, [x] + weights[..<(bias ? 2 : 1)]), name: "y")
    let graph = try b.finished()
    #expect(try operators(of: graph) == ["Convolution", "DepthToSpace"])
    let feeds = ["x": generator.tensor([2, 3, 4, 7])]
    let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
    expectClose(try Session(try compiler.compile(graph)).run(feeds)["y"], expected, .ofRange(1e-6))
  }
}

@Test func shuffledPicturesThatOthersReadStay() throws {
  var b = GraphBuilder()
  let x = b.input("x", TensorType(.float32, [1, 8, 4, 6]))
  let shuffled = try b.pixelShuffle(x, factor: 2)
  b.output(
    try b.value(Binary(.add), [shuffled, b.input("z", TensorType(.float32, [1, 2, 8, 12]))]), name: "y")
  b.output(try b.value(Unary(.exp), [shuffled]), name: "e")
  #expect(try operators(of: try b.finished()).contains("DepthToSpace"))
}

@Test func batchNormalizationFoldsIntoTheConvolution() throws {
  for hasConvolution in [true, false] {
    let graph = try build { b, x in
      var generator = SeededGenerator(seed: 3)
      let weight = b.constant(generator.tensor([6, 6, 3, 3]))
      let y = hasConvolution ? try b.convolution(x, weight: weight, padding: 1) : x
      let parameters = (0..<4).map { _ in b.constant(generator.tensor([6], in: 0.5...2)) }
      return try b.value(BatchNormalization(), [y] + parameters)
    }
    #expect(try operators(of: graph) == (hasConvolution ? ["Convolution"] : ["ElementwiseChain"]))
    var generator = SeededGenerator(seed: 4)
    let feeds = ["x": generator.tensor([1, 6, 4, 8])]
    let expected = try #require(try GraphInterpreter(graph).run(feeds)["y"])
    expectClose(try Session(try compiler.compile(graph)).run(feeds)["y"], expected, .ofRange(1e-6))
  }
}

/// A normalization's gradient adds whatever else flows to the normalized value. Its other results may be read
/// under other shapes, but not by the addend.
@Test(arguments: [true, false]) func sumsWithGradientsAreTheirs(hasScale: Bool) throws {
  func graph(addsItself: Bool) throws -> Graph {
    var b = GraphBuilder()
    let type = TensorType(.float32, [1, 6, 4, 5])
    let (x, c, other) = (b.input("x", type), b.input("c", type), b.input("other", type))
    let scale = hasScale ? [b.input("scale", TensorType(.float32, [6]))] : []
    let gradient = LayerNormalizationGradient(axes: [1], epsilon: 1e-5, hasScale: hasScale)
    let results = try b.apply(gradient, [x, c] + scale)
    let column = try b.value(Reshape(shape: [6, 1, 1]), [results[1]])
    let addend = addsItself ? try b.value(Binary(.multiply), [other, column]) : other
    b.output(try b.value(Binary(.add), [addend, results[0]]), name: "sum")
    b.output(column, name: "ofScale")
    b.output(results[2], name: "ofBias")
    return try b.finished()
  }
  var generator = SeededGenerator(seed: 5)
  for addsItself in [false, true] {
    let original = try graph(addsItself: addsItself)
    let (simplified, _) = try Compiler().simplified(original)
    let gradients = simplified.nodesInOrder.compactMap {
      simplified[$0].operator as? LayerNormalizationGradient
    }
    #expect(gradients.map(\.hasAddend) == [!addsItself])
    var feeds: [String: Tensor] = [:]
    for input in original.inputs {
      feeds[original[input].name] = generator.tensor(original[input].type.shape)
    }
    let expected = try GraphInterpreter(original).run(feeds)
    let found = try Session(try Compiler().compile(original)).run(feeds)
    #expect(Set(found.keys) == ["sum", "ofScale", "ofBias"])
    for (name, tensor) in expected {
      for (a, b) in zip(tensor.doubles, found[name]?.doubles ?? []) { #expect((a - b).magnitude < 1e-5) }
    }
  }
}

@Test func groupNormalizationsOfFeatureMapsAreSplit() throws {
  func split(_ shape: Shape) throws -> [String] {
    let graph = try build(shape) { b, x in
      let parameters = (1...2).map { b.constant(Tensor([Float](repeating: Float($0), count: 6), shape: [6])) }
      let normal = try b.value(GroupNormalization(groupCount: 3), [x] + parameters)
      return try b.value(Activation(.swish, alpha: 1), [normal])
    }
    return try operators(of: graph)
  }
  #expect(try split([2, 6, 4, 8]) == ["GroupStatistics", "ElementwiseChain"])
  #expect(try split([2, 6, 32]).contains("GroupNormalization"), "no feature maps")
}
