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

/// A pointwise convolution, which a region computes, one of 3×3 and a transposed one, of weights that are
/// inputs.
private func graph() throws -> Graph {
  var b = GraphBuilder()
  let x = b.input("x", TensorType(.float32, [1, 5, 12, 18]))
  let first = b.input("first", TensorType(.float32, [9, 5, 1, 1]))
  let second = b.input("second", TensorType(.float32, [7, 9, 3, 3]))
  let third = b.input("third", TensorType(.float32, [7, 3, 2, 2]))
  let wide = try b.value(Convolution.pointwise, [x, first])
  let local = try b.value(Convolution(padding: 1), [try b.value(Unary(.relu), [wide]), second])
  b.output(try b.value(ConvolutionTranspose(stride: 2), [local, third]), name: "y")
  return try b.finished()
}

private func weights(seed: UInt64) -> [String: Tensor] {
  [
    "first": noise([9, 5, 1, 1], seed: seed), "second": noise([7, 9, 3, 3], seed: seed + 1),
    "third": noise([7, 3, 2, 2], seed: seed + 2),
  ]
}

private func result(
  of session: Session, _ inputs: [String: Tensor], _ packed: PackedInputs?
) throws -> [Float] {
  var found: [Float] = []
  var profile: Profile?
  try session.run(inputs, packed: packed, profile: &profile) { outputs in
    let count = session.program.outputs[0].type.shape.elementCount
    found = Array(UnsafeBufferPointer(start: outputs[0].assumingMemoryBound(to: Float.self), count: count))
  }
  return found
}

@Test(arguments: [1, 2]) func packedInputsAreReadInsteadOfTheInputs(threads: Int) throws {
  let program = try Compiler(threadCount: threads).compile(try graph())
  let session = try Session(program, options: RuntimeOptions(threadCount: threads))
  let packed = PackedInputs(of: program, names: ["first", "second", "third"])
  #expect(packed.byteCount >= 4 * (9 * 5 + 7 * 9 * 9 + 7 * 3 * 4))
  let image = ["x": noise([1, 5, 12, 18], seed: 1)]
  let (old, new) = (image.merging(weights(seed: 2)) { $1 }, image.merging(weights(seed: 12)) { $1 })
  for inputs in [old, new] {
    packed.pack(inputs, threadCount: threads)
    let expected = try #require(try session.run(inputs)["y"]).floats
    #expect(try result(of: session, inputs, packed) == expected)
    #expect(try result(of: session, inputs, nil) == expected)
    // The weights themselves are not looked at.
    #expect(try result(of: session, old, packed) == expected)
  }
}

/// A kernel packs for itself what not all of is given.
@Test func inputsOfOtherNamesArePackedAtRun() throws {
  let program = try Compiler().compile(try graph())
  let session = try Session(program)
  let packed = PackedInputs(of: program, names: ["second"])
  let image = ["x": noise([1, 5, 12, 18], seed: 1)]
  let (old, new) = (image.merging(weights(seed: 2)) { $1 }, image.merging(weights(seed: 12)) { $1 })
  packed.pack(old, threadCount: 1)
  var mixed = new
  mixed["second"] = old["second"]
  #expect(try result(of: session, new, packed) == (try #require(try session.run(mixed)["y"]).floats))
}
