import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@testable import IRLowering

/// Convolutions of 3×3 one after the other: strides, and channels in front of each and at the end.
private func field(strides: [Int], channels: [Int], shufflesBy block: Int = 1) throws -> ReceptiveField {
  var generator = SeededGenerator(seed: 1)
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [1, channels[0], 48, 48]))
  var value = x
  for (index, stride) in strides.enumerated() {
    let weight = builder.constant(generator.tensor([channels[index + 1], channels[index], 3, 3]))
    let convolution = Convolution(stride: stride, padding: 1)
    value = try builder.value(convolution, [value, weight])
  }
  if block > 1 { value = try builder.value(DepthToSpace(blockSize: block), [value]) }
  builder.output(value, name: "y")
  let graph = try builder.finished()
  return try ReceptiveField.of(graph, input: x, output: graph.outputs[0].value, kernels: CPUKernelLibrary())
    .get()
}

@Test func narrowConvolutionsReachOnePixel() throws {
  #expect(try field(strides: [1, 1], channels: [3, 31, 31]) == ReceptiveField(margin: 2, alignment: 1))
}

/// The results of a tile of 4×4 share their rounding: each reaches as far as any of them.
@Test func winogradConvolutionsReachAsTheirTiles() throws {
  #expect(try field(strides: [1, 1], channels: [3, 32, 31]) == ReceptiveField(margin: 2, alignment: 1))
  #expect(try field(strides: [1, 1], channels: [3, 32, 32]) == ReceptiveField(margin: 5, alignment: 4))
  #expect(
    try field(strides: [1, 1, 1], channels: [32, 32, 32, 32]) == ReceptiveField(margin: 12, alignment: 4))
  // Tiles of pixels that are two apart in the input.
  #expect(try field(strides: [2, 1], channels: [3, 32, 32]).alignment == 8)
  #expect(
    try field(strides: [1, 1], channels: [3, 32, 36], shufflesBy: 2).alignment == 4, "a shuffle comes after")
}

/// Other windows are computed directly. Of many weights the values at the points are not kept.
@Test func windowsOfOtherFormsAreLeft() throws {
  let form = try #require(CPUKernelLibrary().support.winograd)
  func convolution(stride: Int = 1, dilation: Int = 1, groups: Int = 1) -> Convolution {
    Convolution(stride: stride, padding: 1, dilation: dilation, groupCount: groups)
  }
  #expect(form.applies(to: convolution(), weight: [32, 32, 3, 3]))
  #expect(form.applies(to: convolution(), weight: [2048, 2048, 3, 3]))
  #expect(form.isStreamed([2048, 2048, 3, 3]) && !form.isStreamed([512, 512, 3, 3]))
  #expect(!form.applies(to: convolution(), weight: [64, 64, 5, 5]))
  #expect(!form.applies(to: convolution(stride: 2), weight: [64, 64, 3, 3]))
  #expect(!form.applies(to: convolution(dilation: 2), weight: [64, 64, 3, 3]))
  #expect(!form.applies(to: convolution(groups: 2), weight: [64, 32, 3, 3]))
}
