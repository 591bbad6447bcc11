import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import Testing

/// Values in -1 ..< 1 from SplitMix64.
private func noise(_ shape: Shape, seed: UInt64) -> Tensor {
  var state = seed
  let values = (0..<shape.elementCount).map { _ -> Float in
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    return Float(z >> 40) / Float(1 << 23) - 1
  }
  return Tensor(values, shape: shape)
}

private func plain(_ stride: Int = 1, _ pad: Int = 0, groups: Int = 1) -> Convolution {
  Convolution(
    strides: [stride, stride], padsBefore: [pad, pad], padsAfter: [pad, pad], dilations: [1, 1], groupCount: groups)
}

/// Operators that have a fast kernel, each with the shapes of its inputs.
private let cases: [(any Operator, [Shape])] = [
  (plain(), [[1, 5, 7, 9], [11, 5, 1, 1], [11]]),
  (plain(1, 1), [[2, 3, 8, 8], [16, 3, 3, 3]]),
  (plain(2), [[1, 4, 8, 6], [6, 4, 2, 2], [6]]),
  (plain(1, 1, groups: 6), [[1, 6, 9, 17], [6, 1, 3, 3]]),
  (ConvolutionTranspose(strides: [2, 2], padsBefore: [1, 1], padsAfter: [1, 1], dilations: [1, 1], outputPadding: [1, 1]),
    [[1, 3, 5, 4], [3, 4, 3, 3], [4]]),
  (MatrixMultiply(transposesB: true), [[2, 3, 7, 5], [2, 1, 6, 5]]),
  (LayerNormalization(axes: [1]), [[1, 12, 5, 7], [12], [12]]),
  (L2Normalization(axis: 2), [[1, 2, 19]]),
  (GroupNormalization(groupCount: 2), [[2, 4, 3, 3], [4], [4]]),
  (Softmax(axis: 1), [[2, 9, 5]]),
  (Reduce(.mean, axes: [1]), [[2, 17, 6]]), (Reduce(.l2, axes: [2, 3], keepsAxes: false), [[1, 3, 6, 5]]),
  (Transpose(permutation: [0, 2, 3, 1]), [[2, 3, 5, 7]]),
  (Slice(starts: [0, 4], steps: [1, -2], extents: [3, 3]), [[3, 5]]),
  (Concatenate(axis: 1), [[2, 3, 2], [2, 1, 2]]),
  (DepthToSpace(blockSize: 2), [[1, 8, 3, 5]]), (SpaceToDepth(blockSize: 2), [[1, 3, 4, 6]]),
  (Pad(before: [0, 0, 1, 2], after: [0, 0, 3, 1], mode: .reflect), [[1, 2, 5, 6]]),
  (Binary(.multiply), [[2, 3, 4], [3, 1]]), (Activation(.gelu), [[3, 33]]), (Unary(.sigmoid), [[65]]),
  (MaxPool(window: PoolingWindow(kernel: [3, 3], strides: [2, 2], dilations: [1, 1], padsBefore: [1, 1], padsAfter: [1, 1])),
    [[1, 2, 7, 9]]),
]

@Test(arguments: cases.indices)
func compiledEqualsInterpreted(index: Int) throws {
  let (operation, shapes) = cases[index]
  var builder = GraphBuilder()
  var inputs: [String: Tensor] = [:]
  var values: [ValueID] = []
  for (position, shape) in shapes.enumerated() {
    let tensor = noise(shape, seed: UInt64(index * 10 + position))
    // Weights are constants, as in a model.
    if position == 0 || !(operation is Convolution || operation is ConvolutionTranspose) {
      inputs["x\(position)"] = tensor
      values.append(builder.input("x\(position)", tensor.type))
    } else {
      values.append(builder.constant(tensor))
    }
  }
  builder.output(try builder.value(operation, values), name: "y")
  let graph = try builder.finished()
  let expected = try #require(try GraphInterpreter(graph).run(inputs)["y"]).doubles
  var first: Tensor?
  for threads in 1...3 {
    let program = try Compiler(options: CompilerOptions(threadCount: threads), kernels: CPUKernelLibrary()).compile(graph)
    #expect(program.steps.allSatisfy { !$0.kernel.isReference })
    #expect(program.memoryPlan.conflict == nil)
    let found = try #require(
      try Session(program, options: RuntimeOptions(threadCount: threads)).run(inputs)["y"])
    let scale = expected.map(\.magnitude).max() ?? 0
    for (a, b) in zip(found.doubles, expected) { #expect((a - b).magnitude <= 2e-6 * max(scale, 1)) }
    if let first { #expect(found == first, "the result depends on the thread count") }
    first = found
  }
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
  let compiler = Compiler(kernels: CPUKernelLibrary())
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

@Test(arguments: 0..<200 as Range<UInt64>)
func memoryPlansNeverOverlap(seed: UInt64) {
  let numbers = noise([60], seed: seed).doubles.map { ($0 + 1) / 2 }
  let lifetimes = (0..<20).map { index -> BufferLifetime in
    let start = Int(numbers[3 * index] * 20)
    return BufferLifetime(
      start: start, end: start + Int(numbers[3 * index + 1] * 8), byteCount: Int(numbers[3 * index + 2] * 5000))
  }
  let plan = planMemory(for: lifetimes, alignment: 64)
  #expect(plan.conflict == nil)
  #expect(plan.offsets.allSatisfy { $0 % 64 == 0 })
  let live = (0..<30).map { step in
    lifetimes.filter { $0.start <= step && step <= $0.end }.reduce(0) { $0 + $1.byteCount }
  }
  #expect(plan.peakByteCount >= live.max() ?? 0)
}
