import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

private func noise(_ shape: Shape, seed: UInt64) -> Tensor {
  var generator = SeededGenerator(seed: seed)
  return generator.tensor(shape)
}

@Test func chainsFuseAndKeepTheirMeaning() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [2, 4, 6]))
  let scale = builder.constant(noise([4, 1], seed: 3))
  let scaled = try builder.value(Binary(.multiply), [x, scale])
  let shifted = try builder.value(Binary(.add), [scaled, x])
  let activated = try builder.value(Activation(.swish, alpha: 1), [shifted])
  builder.output(try builder.value(Binary(.subtract), [activated, x]), name: "y")
  let graph = try builder.finished()
  let compiler = Compiler()
  let (simplified, _) = try compiler.simplified(graph)
  #expect(simplified.nodeCount == 1)
  let input = noise([2, 4, 6], seed: 4)
  let expected = try #require(try GraphInterpreter(graph).run(["x": input])["y"]).doubles
  let fused = try #require(try GraphInterpreter(simplified).run(["x": input])["y"]).doubles
  let found = try #require(try Session(try compiler.compile(graph)).run(["x": input])["y"]).doubles
  for index in expected.indices {
    #expect((fused[index] - expected[index]).magnitude < 1e-6)
    #expect((found[index] - expected[index]).magnitude < 2e-6)
  }
  let (again, report) = try compiler.simplified(simplified)
  #expect(again.nodeCount == 1 && report.patchCount == 0, "passes are idempotent")
}

/// The mask of shifted windows as exporters write it, and other truth values: they are 1 and 0 in a chain.
@Test func truthValuesFuseIntoChains() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [6, 1, 8]))
  let other = builder.constant(
    Tensor(TensorType(.float32, [6, 8, 1]), doubles: (0..<48).map { Double($0 % 3) }))
  func number(_ value: Double) -> ValueID {
    builder.constant(Tensor(TensorType(.float32, .scalar), doubles: [value]))
  }
  let difference = try builder.value(Binary(.subtract), [x, other])
  let isEqual = try builder.value(Binary(.equal), [difference, number(0)])
  let masked = try builder.value(
    Select(), [try builder.value(Unary(.not), [isEqual]), number(-100), difference])
  let cleared = try builder.value(
    Select(), [try builder.value(Binary(.equal), [difference, number(0)]), number(0), masked])
  let isSmall = try builder.value(Binary(.less), [difference, number(1)])
  let isLarge = try builder.value(Binary(.greaterOrEqual), [difference, number(2)])
  let either = try builder.value(Binary(.or), [isLarge, isSmall])
  let both = try builder.value(Binary(.and), [either, isSmall])
  let counted = try builder.value(Cast(to: .float32), [both])
  builder.output(try builder.value(Binary(.add), [cleared, counted]), name: "y")
  let graph = try builder.finished()
  let simplified = try Compiler().simplified(graph).0
  #expect(simplified.nodeCount == 1)
  let input = Tensor(TensorType(.float32, [6, 1, 8]), doubles: (0..<48).map { Double($0 % 5) })
  let expected = try #require(try GraphInterpreter(graph).run(["x": input])["y"])
  #expect(Set(expected.doubles) == [-100, -99, 1])
  #expect(try GraphInterpreter(simplified).run(["x": input])["y"] == expected)
  let program = try Compiler().compile(graph)
  #expect(program.steps.allSatisfy { !$0.kernel.isReference })
  #expect(try Session(program).run(["x": input])["y"] == expected)
}

/// Truth values that come from elsewhere, or of another shape, are selected by as they are.
@Test func truthValuesOfOthersStay() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [4, 6]))
  let given = try builder.value(Select(), [builder.input("is", TensorType(.bool, [4, 6])), x, x])
  let row = builder.input("row", TensorType(.float32, [6]))
  let isLess = try builder.value(Binary(.less), [row, row])
  builder.output(try builder.value(Select(), [isLess, given, x]), name: "y")
  let simplified = try Compiler().simplified(try builder.finished()).0
  #expect(simplified.nodesInOrder.map { simplified[$0].operator.name } == ["Select", "Binary", "Select"])
}

/// Few tiles are no gain, and a part of a picture must have the bits of the whole.
@Test func smallPlanesAreConvolvedDirectly() throws {
  func names(_ side: Int, _ followsSizes: Bool) throws -> [String] {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [1, 64, side, side]))
    let weight = builder.constant(noise([64, 64, 3, 3], seed: 9))
    builder.output(try builder.convolution(x, weight: weight, padding: 1), name: "y")
    let compiler = Compiler(formsFollowSizes: followsSizes)
    return try compiler.compile(try builder.finished()).steps.map(\.kernel.name)
  }
  #expect(try names(8, true) == ["conv2d"])
  #expect(try names(8, false) == ["conv3x3.winograd"])
  #expect(try names(12, true) == ["conv3x3.winograd"])
}

/// Depthwise convolutions of short rows are steps by themselves, with the function that follows them; but not
/// in restorers whose pictures are cut into parts. Those of pixels and of a stride take functions, too.
@Test func smallDepthwisePlanesAreConvolvedByThemselves() throws {
  func program(_ side: Int, stride: Int = 1, _ followsSizes: Bool) throws -> (Graph, Program) {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [1, 40, side, side]))
    let wide = try builder.convolution(x, weight: builder.constant(noise([120, 40, 1, 1], seed: 8)))
    let swish = try builder.value(
      Binary(.multiply), [try builder.value(Unary(.sigmoid), [wide]), wide])
    let window = Convolution(
      strides: [stride, stride], padsBefore: [2, 2], padsAfter: [2, 2], dilations: [1, 1], groupCount: 120)
    let weight = builder.constant(noise([120, 1, 5, 5], seed: 9))
    let result = try builder.value(Unary(.hardSwish), [try builder.value(window, [swish, weight])])
    builder.output(result, name: "y")
    let graph = try builder.finished()
    return (graph, try Compiler(formsFollowSizes: followsSizes).compile(graph))
  }
  func names(_ side: Int, stride: Int = 1, _ followsSizes: Bool) throws -> [String] {
    let (graph, program) = try program(side, stride: stride, followsSizes)
    let input = noise([1, 40, side, side], seed: 3)
    let found = try #require(try Session(program).run(["x": input])["y"])
    let expected = try #require(try GraphInterpreter(graph).run(["x": input])["y"])
    expectClose(found, expected, .ofRange(1e-5))
    return program.steps.map(\.kernel.name)
  }
  #expect(try names(14, true) == ["conv2d.pixels.swish", "conv2d.depthwise.hardSwish"])
  #expect(try names(14, false).allSatisfy { $0.hasPrefix("region(") })
  #expect(try names(28, true).allSatisfy { $0.hasPrefix("region(") })
  #expect(try names(28, stride: 2, true) == ["region(conv1x1 elementwise)", "conv2d.depthwise.hardSwish"])
  #expect(try names(1, true) == ["conv2d.pixel.swish", "conv2d.depthwise.hardSwish"])
}

/// Most taps of a window that is dilated beyond the feature map are left out; but a part of a picture must
/// have the bits of the whole.
@Test func windowsBeyondThePlaneAreCut() throws {
  for followsSizes in [true, false] {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [1, 24, 16, 16]))
    let window = Convolution(
      strides: [1, 1], padsBefore: [12, 12], padsAfter: [12, 12], dilations: [12, 12], groupCount: 1)
    let weight = builder.constant(noise([32, 24, 3, 3], seed: 9))
    builder.output(
      try builder.value(Unary(.relu), [try builder.value(window, [x, weight])]), name: "y")
    let program = try Compiler(formsFollowSizes: followsSizes).compile(try builder.finished())
    #expect(program.steps.map(\.kernel.name) == [followsSizes ? "conv2d.parts.relu" : "conv2d.relu"])
  }
}

/// Weights too many to be kept at the points are evaluated in each run: the bits of two halves that are kept.
@Test(arguments: [12, 8]) func manyWeightsAreEvaluatedInTheRun(_ side: Int) throws {
  let (inputs, outputs) = (288, 2048)
  let weights = noise([outputs, inputs, 3, 3], seed: 9)
  func run(_ parts: [Range<Int>], _ name: String) throws -> [Float] {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [1, inputs, side, side]))
    var results: [ValueID] = []
    for part in parts {
      let count = inputs * 9
      let values = Array(weights.floats[(part.lowerBound * count)..<(part.upperBound * count)])
      let weight = builder.constant(Tensor(values, shape: [part.count, inputs, 3, 3]))
      results.append(try builder.convolution(x, weight: weight, padding: 1))
    }
    for (index, result) in results.enumerated() { builder.output(result, name: "y\(index)") }
    let program = try Compiler(formsFollowSizes: false).compile(try builder.finished())
    #expect(program.steps.map(\.kernel.name) == parts.map { _ in name })
    let found = try Session(program).run(["x": noise([1, inputs, side, side], seed: 3)])
    return try results.indices.flatMap { try #require(found["y\($0)"]).floats }
  }
  let streamed = try run([0..<outputs], "conv3x3.winograd.streamed")
  let kept = try run([0..<(outputs / 2), (outputs / 2)..<outputs], "conv3x3.winograd")
  #expect(streamed.count == kept.count)
  let different = zip(streamed, kept).count { $0.bitPattern != $1.bitPattern }
  #expect(different == 0)
}

@Test func productsOfManyMatricesHaveKernels() throws {
  for (a, b) in [
    ([1, 2, 3, 4, 5], [5, 6]), ([2, 3, 2, 4, 5], [2, 3, 2, 5, 6]), ([3, 1, 2, 4, 5], [1, 1, 2, 5, 6]),
  ] as [(Shape, Shape)] {
    var builder = GraphBuilder()
    let inputs = [builder.input("a", TensorType(.float32, a)), builder.input("b", TensorType(.float32, b))]
    builder.output(try builder.value(MatrixMultiply(), inputs), name: "y")
    let program = try Compiler().compile(try builder.finished())
    #expect(program.steps.allSatisfy { !$0.kernel.isReference }, "\(a) and \(b)")
  }
}

@Test(arguments: 0..<200 as Range<UInt64>)
func memoryPlansNeverOverlap(seed: UInt64) {
  let numbers = noise([60], seed: seed).doubles.map { ($0 + 1) / 2 }
  let lifetimes = (0..<20).map { index -> BufferLifetime in
    let start = Int(numbers[3 * index] * 20)
    return BufferLifetime(
      start: start, end: start + Int(numbers[3 * index + 1] * 8),
      byteCount: Int(numbers[3 * index + 2] * 5000))
  }
  let rows = [3..<6, 9..<11]
  let plan = planMemory(for: lifetimes, rows: rows, alignment: 64)
  #expect(plan.conflict == nil)
  for row in rows {
    for part in row.dropFirst() {
      #expect(plan.offsets[part] == plan.offsets[part - 1] + lifetimes[part - 1].byteCount)
    }
  }
  let later = Set(rows.flatMap { $0.dropFirst() })
  #expect(plan.offsets.indices.allSatisfy { later.contains($0) || plan.offsets[$0] % 64 == 0 })
  let live = (0..<30).map { step in
    lifetimes.filter { $0.start <= step && step <= $0.end }.reduce(0) { $0 + $1.byteCount }
  }
  #expect(plan.peakByteCount >= live.max() ?? 0)
}

@Test func programsOfSeveralSizesShareTheirPackedWeights() throws {
  func graph(_ side: Int) throws -> Graph {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [1, 4, side, side]))
    let dense = builder.constant(noise([24, 4, 3, 3], seed: 5))
    let wide = try builder.convolution(x, weight: dense, padding: 1)
    let strided = builder.constant(noise([8, 24, 2, 2], seed: 6))
    let small = try builder.convolution(wide, weight: strided, stride: 2)
    let up = builder.constant(noise([8, 4, 2, 2], seed: 7))
    let doubled = ConvolutionTranspose(stride: 2)
    builder.output(try builder.value(doubled, [small, up]), name: "y")
    return try builder.finished()
  }
  let weights = PackedWeights()
  let shared = Compiler(threadCount: 2, weights: weights)
  var byteCount: Int?
  for side in [16, 40] {
    let program = try shared.compile(try graph(side))
    #expect(weights.byteCount == byteCount ?? weights.byteCount)
    byteCount = weights.byteCount
    let input = ["x": noise([1, 4, side, side], seed: 8)]
    #expect(
      try Session(program).run(input)
        == Session(try Compiler(threadCount: 2).compile(try graph(side))).run(input))
  }
  // All three weights, and little beside them.
  let count = 4 * (24 * 4 * 9 + 8 * 24 * 4 + 8 * 4 * 4)
  #expect((count...count + 4096).contains(byteCount ?? 0), "\(byteCount ?? 0) bytes of \(count)")
}

/// The order of a transposed convolution's packed weights follows from its padding too.
@Test func transposedConvolutionsOfOneWeightMayDifferInPadding() throws {
  func graph(_ paddings: [Int]) throws -> Graph {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [1, 8, 9, 9]))
    let weight = builder.constant(noise([8, 4, 3, 3], seed: 4))
    for padding in paddings {
      let enlarged = ConvolutionTranspose(stride: 2, padding: padding)
      builder.output(try builder.value(enlarged, [x, weight]), name: "y\(padding)")
    }
    return try builder.finished()
  }
  let input = ["x": noise([1, 8, 9, 9], seed: 5)]
  let both = try Session(Compiler(threadCount: 2).compile(try graph([0, 1]))).run(input)
  for padding in [0, 1] {
    let alone = try Session(Compiler(threadCount: 2).compile(try graph([padding]))).run(input)
    #expect(both["y\(padding)"] == alone["y\(padding)"])
  }
}

@Test func partsOfABufferAreGivenUpOneByOne() throws {
  // Of three parts the last is needed to the end; what follows the first two takes their place.
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [1, 4, 64, 64]))
  let weight = builder.constant(noise([12, 4, 1, 1], seed: 1))
  let wide = try builder.convolution(x, weight: weight)
  let parts = try builder.apply(Split(axis: 1, sizes: [4, 4, 4]), [wide])
  let pair = try builder.value(Transpose(permutation: [0, 1, 3, 2]), [parts[0]])
  let other = try builder.value(Transpose(permutation: [0, 1, 3, 2]), [parts[1]])
  let sum = try builder.value(Softmax(axis: 3), [try builder.value(Binary(.add), [pair, other])])
  let turned = try builder.value(Transpose(permutation: [0, 1, 3, 2]), [sum])
  builder.output(try builder.value(Binary(.add), [turned, parts[2]]), name: "y")
  let program = try Compiler().compile(try builder.finished())
  #expect(program.memoryPlan.conflict == nil)
  let picture = 4 * 4 * 64 * 64
  // Four pictures: the parts and the first transposition; in the second's step the first part is gone.
  #expect(program.memoryPlan.peakByteCount < 9 * picture / 2, "\(program.memoryPlan.peakByteCount)")
}

@Test func aSmallReaderRunsBeforeTheStepThatOverwritesItsOperand() throws {
  // As in a residual block whose channels change: what is normalized is read by a 1x1 convolution, too.
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [1, 16, 64, 64]))
  let turned = try builder.value(Transpose(permutation: [0, 1, 3, 2]), [x])
  let normal = try builder.value(Softmax(axis: 3), [turned])
  let narrow = try builder.convolution(
    normal, weight: builder.constant(noise([4, 16, 3, 3], seed: 1)), padding: 1)
  let beside = try builder.convolution(turned, weight: builder.constant(noise([4, 16, 1, 1], seed: 2)))
  builder.output(try builder.value(Binary(.add), [beside, narrow]), name: "y")
  let graph = try builder.finished()
  let program = try Compiler().compile(graph)
  #expect(program.memoryPlan.conflict == nil)
  let softmax = try #require(program.steps.first { $0.operatorName == Softmax.name })
  #expect(softmax.inputs[0] == softmax.outputs[0], "\(program)")
  let input = ["x": noise([1, 16, 64, 64], seed: 3)]
  let expected = try #require(try GraphInterpreter(graph).run(input)["y"]).doubles
  let result = try #require(try Session(program).run(input)["y"]).doubles
  #expect(zip(expected, result).allSatisfy { ($0 - $1).magnitude < 1e-5 })
}
