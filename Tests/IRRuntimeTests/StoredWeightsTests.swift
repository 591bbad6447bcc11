import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

/// A network of every kernel that reads weights, which are stored as float16.
private func network(side: Int) throws -> Graph {
  var builder = GraphBuilder()
  var seed: UInt64 = 0
  func weight(_ shape: Shape) throws -> ValueID {
    seed += 1
    var generator = SeededGenerator(seed: seed)
    let halves = generator.tensor(shape, in: -0.1...0.1).converted(to: .float16)
    return try builder.value(Cast(to: .float32), [builder.constant(halves)])
  }
  let x = builder.input("x", TensorType(.float32, [1, 24, side, side]))
  // Regions: direct, pointwise, in groups, in Winograd's form.
  var y = try builder.convolution(x, weight: weight([30, 24, 3, 3]), padding: 1)
  y = try builder.convolution(y, weight: weight([160, 30, 1, 1]))
  y = try builder.convolution(y, weight: weight([64, 40, 3, 3]), padding: 1, groupCount: 4)
  y = try builder.value(Unary(.sigmoid), [y])
  y = try builder.convolution(y, weight: weight([64, 64, 3, 3]), padding: 1)
  // By themselves: strided, of one pixel, back to twice the sides.
  let small = try builder.convolution(y, weight: weight([48, 64, 2, 2]), stride: 2)
  let mean = try builder.value(Reduce(.mean, axes: [2, 3]), [small])
  let pixel = try builder.convolution(mean, weight: weight([96, 48, 1, 1]))
  let doubled = try builder.value(ConvolutionTranspose(stride: 2), [small, weight([48, 24, 2, 2])])
  builder.output(try builder.value(Binary(.add), [doubled, x]), name: "picture")
  let row = try builder.value(Reshape(shape: [1, 96]), [pixel])
  builder.output(
    try builder.value(MatrixMultiply(transposesB: true), [row, weight([50, 96])]), name: "row")
  return try builder.finished()
}

@Test(arguments: [Precision.float32, .bfloat16])
func weightsPackedAtRunGiveTheSameBits(precision: Precision) throws {
  let graph = try network(side: 20)
  var generator = SeededGenerator(seed: 99)
  let input = ["x": generator.tensor([1, 24, 20, 20])]
  let (kept, none) = (PackedWeights(), PackedWeights(limit: 0))
  let expected = try Session(Compiler(weights: kept, precision: precision).compile(graph)).run(input)
  for threads in 1...3 {
    for weights in [kept, none] {
      let program = try Compiler(threadCount: threads, weights: weights, precision: precision).compile(graph)
      let session = try Session(program, options: RuntimeOptions(threadCount: threads))
      #expect(try session.run(input) == expected, "\(threads) threads, limit \(weights.limit)")
      #expect(try session.run(input) == expected, "again")
    }
  }
  // Transposed convolutions alone keep theirs.
  #expect(none.byteCount <= 4 * 48 * 24 * 4 + 256, "\(none.byteCount)")
  #expect(kept.byteCount > 4 * (30 * 24 * 9 + 160 * 30 + 64 * 40 * 9))
}

/// The plan says what packed weights take: nothing where they are packed at run, into the workspace.
@Test func thePlanHasTheWeights() throws {
  let graph = try network(side: 20)
  let weights = PackedWeights()
  let kept = try Compiler(weights: weights).compile(graph)
  let none = try Compiler(weights: PackedWeights(limit: 0)).compile(graph)
  let packedOnce = weights.byteCount
  // Beside packed weights, those that are read as they are: of one pixel, and of the product.
  let read = 4 * (96 * 48 + 50 * 96)
  #expect((packedOnce...packedOnce + read + 4096).contains(kept.weightByteCount), "\(kept.weightByteCount)")
  #expect(none.weightByteCount < 4 * 48 * 24 * 4 + 4096, "\(none.weightByteCount)")
  #expect(none.memoryPlan.conflict == nil)
  let largest = 4 * 64 * 64 * 36
  #expect(none.memoryPlan.peakByteCount >= largest)
}

/// A program holds float16 weights as they are: nothing of them is widened but what a step reads.
@Test func programsKeepHalves() throws {
  let program = try Compiler(weights: PackedWeights(limit: 0)).compile(try network(side: 12))
  let stored = program.constants.indices.filter { program.constants[$0].halves != nil }
  #expect(stored.count >= 3)
  #expect(program.readConstants.isDisjoint(with: stored))
}

/// Transposed weights of products, as exporters write them, are not copied.
@Test func transpositionsOfStoredWeightsAreAbsorbed() throws {
  var builder = GraphBuilder()
  var generator = SeededGenerator(seed: 1)
  let halves = generator.tensor([96, 64], in: -1...1).converted(to: .float16)
  let x = builder.input("x", TensorType(.float32, [3, 64]))
  let wide = try builder.value(Cast(to: .float32), [builder.constant(halves)])
  let turned = try builder.value(Transpose(permutation: [1, 0]), [wide])
  builder.output(try builder.value(MatrixMultiply(), [x, turned]), name: "y")
  let graph = try builder.finished()
  let (simplified, _) = try Compiler().simplified(graph)
  #expect(simplified.nodeCount == 1)
  let constants = simplified.values.compactMap { simplified.constant($0) }
  #expect(constants.count == 1 && constants.first?.halves?.storage === halves.storage)
  let input = ["x": generator.tensor([3, 64])]
  let expected = try #require(try GraphInterpreter(graph).run(input)["y"]).doubles
  let found = try #require(try Session(try Compiler().compile(graph)).run(input)["y"]).doubles
  for index in expected.indices { #expect((found[index] - expected[index]).magnitude < 1e-4) }
}
