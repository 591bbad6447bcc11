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
      start: start, end: start + Int(numbers[3 * index + 1] * 8),
      byteCount: Int(numbers[3 * index + 2] * 5000))
  }
  let plan = planMemory(for: lifetimes, alignment: 64)
  #expect(plan.conflict == nil)
  #expect(plan.offsets.allSatisfy { $0 % 64 == 0 })
  let live = (0..<30).map { step in
    lifetimes.filter { $0.start <= step && step <= $0.end }.reduce(0) { $0 + $1.byteCount }
  }
  #expect(plan.peakByteCount >= live.max() ?? 0)
}
