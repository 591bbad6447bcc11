import IRGraph
import IROperators
import IRTensor
import IRTestSupport
import Testing

/// A use of an operator that breaks one of its constraints. `Tools/scripts/check` names the constraints of
/// IROperators that have no row.
struct BrokenUse: Sendable, CustomStringConvertible {
  let constraint: String
  let operation: any Operator
  let inputs: [TensorType]

  init(_ constraint: String, _ operation: any Operator, _ inputs: TensorType...) {
    (self.constraint, self.operation, self.inputs) = (constraint, operation, inputs)
  }

  var description: String { "\(constraint): \(operation) on \(inputs)" }
}

func integers(_ extents: Int...) -> TensorType { TensorType(.int64, Shape(extents)) }
func booleans(_ extents: Int...) -> TensorType { TensorType(.bool, Shape(extents)) }
func doubles(_ extents: Int...) -> TensorType { TensorType(.float64, Shape(extents)) }

private let x = floats(1, 4, 6, 8)
private let weight = floats(6, 4, 3, 3)

private let windows: [BrokenUse] = [
  BrokenUse("Convolution.rank", Convolution(), x, floats(6, 4, 3)),
  BrokenUse("Convolution.groups", Convolution(groupCount: 3), x, weight),
  BrokenUse("Convolution.groups", Convolution(groupCount: 0), x, weight),
  BrokenUse("Convolution.channels", Convolution(groupCount: 2), x, weight),
  BrokenUse("Convolution.biasShape", Convolution(), x, weight, floats(5)),
  BrokenUse("Convolution.window", Convolution(dilation: 9), x, weight),
  BrokenUse("Convolution.strides", Convolution(stride: 0), x, weight),
  BrokenUse("Convolution.dilations", Convolution(dilation: .max), x, weight),
  BrokenUse("Convolution.padsBefore", Convolution(padding: .min), x, weight),
  BrokenUse("Convolution.stridesCount", Convolution(strides: [1]), x, weight),
  BrokenUse("Convolution.floatingPoint", Convolution(), integers(1, 4, 6, 8), weight),
  BrokenUse("Convolution.elementTypes", Convolution(), x, doubles(6, 4, 3, 3)),
  BrokenUse("ConvolutionTranspose.rank", ConvolutionTranspose(stride: 2), x, floats(4)),
  BrokenUse("ConvolutionTranspose.channels", ConvolutionTranspose(stride: 2), x, floats(3, 4, 2, 2)),
  BrokenUse(
    "ConvolutionTranspose.outputPadding", ConvolutionTranspose(stride: 2, outputPadding: -1), x,
    floats(4, 4, 2, 2)),
  BrokenUse(
    "ConvolutionTranspose.extent", ConvolutionTranspose(stride: 1, padding: 9), x, floats(4, 4, 2, 2)),
  BrokenUse(
    "FusedConvolution.inputCount",
    FusedConvolution(Convolution(), hasBias: true), x, weight),
  BrokenUse(
    "FusedConvolution.residual",
    FusedConvolution(Convolution(), hasBias: false, hasResidual: true), x, weight,
    floats(1, 6, 6, 8)),
  BrokenUse(
    "FusedConvolution.activation",
    FusedConvolution(Convolution(), hasBias: false, activation: .binary(.add)), x, weight),
  BrokenUse(
    "FusedMatrixMultiply.inputCount", FusedMatrixMultiply(MatrixMultiply(), hasBias: true), floats(5, 4),
    floats(4, 3)),
  BrokenUse("FusedMatrixMultiply.oneMatrix", FusedMatrixMultiply(MatrixMultiply()), x, floats(4, 8, 3)),
  BrokenUse(
    "FusedMatrixMultiply.bias", FusedMatrixMultiply(MatrixMultiply(), hasBias: true), floats(5, 4),
    floats(4, 3), floats(4)),
  BrokenUse(
    "FusedMatrixMultiply.residual", FusedMatrixMultiply(MatrixMultiply(), hasResidual: true), floats(5, 4),
    floats(4, 3), floats(5, 4)),
  BrokenUse(
    "FusedMatrixMultiply.activation", FusedMatrixMultiply(MatrixMultiply(), activation: .binary(.add)),
    floats(5, 4), floats(4, 3)),
  BrokenUse("MaxPool.kernel", MaxPool(window: PoolingWindow(0)), x),
  BrokenUse("MaxPool.numeric", MaxPool(window: PoolingWindow(2)), booleans(1, 4, 6, 8)),
  BrokenUse("MaxPool.rank", MaxPool(window: PoolingWindow(2)), floats(4, 6)),
  BrokenUse("AveragePool.window", AveragePool(window: PoolingWindow(7)), x),
  BrokenUse("AveragePool.floatingPoint", AveragePool(window: PoolingWindow(2)), integers(1, 4, 6, 8)),
  BrokenUse("LpPool.p", LpPool(window: PoolingWindow(2), p: 0), x),
  BrokenUse("ChannelGram.featureMaps", ChannelGram(groupCount: 2), x, floats(1, 4, 6, 9)),
  BrokenUse("ChannelGram.groups", ChannelGram(groupCount: 3), x, x),
  BrokenUse(
    "ChannelGram.floatingPoint", ChannelGram(groupCount: 2), integers(1, 4, 6, 8), integers(1, 4, 6, 8)),
  BrokenUse("RoiAlign.rank", RoiAlign(height: 2, width: 2), floats(1, 4, 6), floats(3, 4), integers(3)),
  BrokenUse("RoiAlign.regions", RoiAlign(height: 2, width: 2), x, floats(3, 5), integers(3)),
  BrokenUse("RoiAlign.extents", RoiAlign(height: 0, width: 2), x, floats(3, 4), integers(3)),
  BrokenUse(
    "RoiAlign.samplingRatio", RoiAlign(height: 2, width: 2, samplingRatio: -1), x, floats(3, 4), integers(3)),
  BrokenUse("GridSample.grid", GridSample(mode: .linear), x, floats(1, 3, 3, 3)),
  BrokenUse("GridSample.empty", GridSample(mode: .linear), floats(1, 2, 0, 5), floats(1, 3, 3, 2)),
  BrokenUse("DepthToSpace.rank", DepthToSpace(blockSize: 2), floats(4, 6)),
  BrokenUse("DepthToSpace.channels", DepthToSpace(blockSize: 3), x),
  BrokenUse("SpaceToDepth.rank", SpaceToDepth(blockSize: 2), floats(4, 6)),
  BrokenUse("SpaceToDepth.extents", SpaceToDepth(blockSize: 4), x),
  BrokenUse("SpaceToDepth.channels", SpaceToDepth(blockSize: 2), floats(0, .max, 2, 2)),
]

private let elementwise: [BrokenUse] = [
  BrokenUse("Unary.numeric", Unary(.abs), booleans(3)),
  BrokenUse("Unary.bool", Unary(.not), floats(3)),
  BrokenUse("Unary.integer", Unary(.bitwiseNot), floats(3)),
  BrokenUse("Unary.floatingPoint", Unary(.sqrt), integers(3)),
  BrokenUse("Binary.broadcast", Binary(.add), floats(3), floats(2)),
  BrokenUse("Binary.elementTypes", Binary(.add), floats(3), doubles(3)),
  BrokenUse("Binary.numeric", Binary(.add), booleans(3), booleans(3)),
  BrokenUse("Binary.integer", Binary(.shiftLeft), floats(3), floats(3)),
  BrokenUse("Binary.bool", Binary(.xor), floats(3), floats(3)),
  BrokenUse("BitCast.width", BitCast(to: .int64), floats(3)),
  BrokenUse("Select.condition", Select(), floats(3), floats(3), floats(3)),
  BrokenUse("Select.broadcast", Select(), booleans(3), floats(2), floats(3)),
  BrokenUse(
    "ElementwiseChain.inputCount", ElementwiseChain(inputCount: 2, instructions: [.init(.unary(.abs), [0])]),
    floats(3)),
  BrokenUse(
    "ElementwiseChain.inputs", ElementwiseChain(inputCount: 1, instructions: [.init(.unary(.abs), [0])]),
    integers(3)),
  BrokenUse(
    "ElementwiseChain.operands", ElementwiseChain(inputCount: 1, instructions: [.init(.unary(.abs), [1])]),
    floats(3)),
  BrokenUse("ElementwiseChain.empty", ElementwiseChain(inputCount: 1, instructions: []), floats(3)),
]

private let layouts: [BrokenUse] = [
  BrokenUse("Reshape.elementCount", Reshape(shape: [5]), floats(4)),
  BrokenUse("Transpose.permutation", Transpose(permutation: [0, 0]), floats(2, 3)),
  BrokenUse("Expand.broadcast", Expand(shape: [4]), floats(3)),
  BrokenUse("Tile.repeats", Tile(repeats: [-1]), floats(3)),
  BrokenUse("Tile.extent", Tile(repeats: [1 << 30, 1]), floats(1 << 40, 0)),
  BrokenUse("Slice.rank", Slice(starts: [0], steps: [1], extents: [1]), floats(2, 3)),
  BrokenUse("Slice.limits", Slice(starts: [0], steps: [.max], extents: [1]), floats(4)),
  BrokenUse("Slice.range", Slice(starts: [2], steps: [1], extents: [3]), floats(4)),
  BrokenUse("Concatenate.inputCount", Concatenate(axis: 0)),
  BrokenUse("Concatenate.rank", Concatenate(axis: 0), floats(3), floats(3, 1)),
  BrokenUse("Concatenate.extents", Concatenate(axis: 0), floats(3, 2), floats(3, 1)),
  BrokenUse("Concatenate.axis", Concatenate(axis: 2), floats(3, 2)),
  BrokenUse("Split.sizes", Split(axis: 0, sizes: [2, 2]), floats(3)),
  BrokenUse("Split.sizes", Split(axis: 0, sizes: [2]), floats(3)),
  BrokenUse("Pad.rank", Pad(before: [0], after: [0, 0]), floats(2, 3)),
  BrokenUse("Pad.range", Pad(before: [-1], after: [0]), floats(3)),
  BrokenUse("Pad.empty", Pad(before: [1], after: [0], mode: .edge), floats(0)),
  BrokenUse("Roll.offsets", Roll(offsets: [3]), floats(3)),
  BrokenUse("Resize.rank", Resize(mode: .linear, extents: [4], scales: [2, 2]), floats(2)),
  BrokenUse("Resize.scales", Resize(mode: .linear, extents: [4], scales: [0]), floats(2)),
  BrokenUse(
    "Resize.regionOfInterest",
    Resize(mode: .linear, coordinates: .tfCropAndResize, extents: [4], scales: [2]),
    floats(2)),
  BrokenUse("Resize.empty", Resize(mode: .linear, extents: [4], scales: [2]), floats(0)),
  BrokenUse("RelativeResize.rank", RelativeResize(mode: .linear, extents: [4]), floats(2, 3)),
  BrokenUse("Size.extent", RelativeReshape([.extent(axis: 3)]), floats(4)),
  BrokenUse("Size.form", RelativeReshape([SizeExpression(steps: [.add])]), floats(4)),
  BrokenUse("Size.form", RelativeReshape([SizeExpression(steps: [.literal(2), .literal(2)])]), floats(4)),
  BrokenUse("Size.range", RelativeReshape([.extent(axis: 0) / 0]), floats(4)),
  BrokenUse("Trilu.rank", Trilu(), floats(3)),
  BrokenUse("OneHot.axis", OneHot(axis: 2, depth: 3), integers(2), floats(2)),
  BrokenUse("OneHot.depth", OneHot(axis: 0, depth: 0), integers(2), floats(2)),
  BrokenUse("OneHot.valuesShape", OneHot(axis: 0, depth: 3), integers(2), floats(3)),
]

private let indexing: [BrokenUse] = [
  BrokenUse("Gather.indices", Gather(axis: 0), floats(3), floats(2)),
  BrokenUse("Gather.empty", Gather(axis: 0), floats(0), integers(2)),
  BrokenUse("Gather.axis", Gather(axis: 1), floats(3), integers(2)),
  BrokenUse("GatherElements.indicesShape", GatherElements(axis: 0), floats(3, 2), integers(1, 3)),
  BrokenUse("GatherND.rank", GatherND(batchAxisCount: 2), floats(3, 2), integers(3, 2)),
  BrokenUse("GatherND.indices", GatherND(), floats(3), integers(1, 2)),
  BrokenUse("GatherND.empty", GatherND(), floats(0), integers(1, 1)),
  BrokenUse("ScatterElements.updatesShape", ScatterElements(axis: 0), floats(3), integers(2), floats(1)),
  BrokenUse("ScatterND.indices", ScatterND(), floats(3), integers(1, 2), floats(1)),
  BrokenUse("ScatterND.empty", ScatterND(), floats(0), integers(1, 1), floats(1)),
]

private let combinations: [BrokenUse] = [
  BrokenUse("MatrixMultiply.rank", MatrixMultiply(), floats(3), floats(3, 2)),
  BrokenUse("MatrixMultiply.depth", MatrixMultiply(), floats(2, 3), floats(2, 3)),
  BrokenUse("MatrixMultiply.broadcast", MatrixMultiply(), floats(2, 2, 3), floats(3, 3, 2)),
  BrokenUse("MatrixMultiply.numeric", MatrixMultiply(), booleans(2, 3), booleans(3, 2)),
  BrokenUse("Determinant.square", Determinant(), floats(2, 3)),
  BrokenUse("LayerNormalization.axesConsecutive", LayerNormalization(axes: [0, 2]), floats(2, 3, 4)),
  BrokenUse("LayerNormalization.axes", LayerNormalization(axes: [1, 1]), floats(2, 3, 4)),
  BrokenUse("LayerNormalization.scaleShape", LayerNormalization(axes: [1]), floats(2, 3), floats(2)),
  BrokenUse("GroupStatistics.groups", GroupStatistics(groupCount: 3), x, floats(4), floats(4)),
  BrokenUse(
    "GroupStatistics.featureMaps", GroupStatistics(groupCount: 2), floats(1, 4, 6), floats(4), floats(4)),
  BrokenUse("GroupNormalization.groups", GroupNormalization(groupCount: 3), x, floats(4), floats(4)),
  BrokenUse("Softmax.axis", Softmax(axis: 2), floats(2, 3)),
  BrokenUse("Reduce.numeric", Reduce(.sum, axes: [0]), booleans(2)),
  BrokenUse("ArgExtreme.empty", ArgExtreme(findsMaximum: true, axis: 0), floats(0)),
  BrokenUse("CumulativeSum.numeric", CumulativeSum(axis: 0), booleans(2)),
  BrokenUse("TopK.count", TopK(axis: 0, count: 3), floats(2)),
  BrokenUse(
    "Attention.channels", Attention(heads: 2, size: 9, valueSize: 6, scale: 1), floats(2, 5, 12),
    floats(2, 5, 12), floats(2, 5, 12)),
  BrokenUse(
    "Attention.elementType", Attention(heads: 2, size: 6, valueSize: 6, scale: 1), doubles(2, 5, 12),
    doubles(2, 5, 12), doubles(2, 5, 12)),
  BrokenUse(
    "Attention.operands", Attention(heads: 2, size: 6, valueSize: 6, scale: 1), floats(2, 5, 12),
    floats(2, 5, 12),
    floats(1, 5, 12)),
  BrokenUse(
    "Attention.tokens", Attention(heads: 2, size: 6, valueSize: 6, scale: 1), floats(2, 5, 12),
    floats(2, 5, 12),
    floats(2, 4, 12)),
  BrokenUse(
    "Attention.term", Attention(heads: 2, size: 6, valueSize: 6, scale: 1), floats(2, 5, 12),
    floats(2, 5, 12),
    floats(2, 5, 12), floats(5)),
  BrokenUse(
    "Attention.window",
    Attention(heads: 2, size: 2, valueSize: 2, scale: 1, window: [4, 4], offset: [0, 0]), x, x, x),
]

private func sequence(_ change: (inout [TensorType]) -> Void) -> [TensorType] {
  var inputs = [
    floats(5, 2, 3), floats(1, 4, 3), floats(1, 4, 4), floats(1, 8), integers(2), floats(1, 2, 4),
  ]
  change(&inputs)
  return inputs
}

@Test func recurrenceConstraints() throws {
  func answer(_ operation: Recurrence, _ inputs: [TensorType]) throws -> String {
    try constraint(of: operation, on: inputs)
  }
  #expect(try answer(Recurrence(.simple), sequence { _ in }) == "accepted")
  #expect(try answer(Recurrence(.simple), sequence { $0[0] = floats(5, 2) }) == "Recurrence.rank")
  #expect(try answer(Recurrence(.simple), sequence { $0[4] = floats(2) }) == "Recurrence.lengths")
  #expect(try answer(Recurrence(.simple), sequence { $0[5] = floats(1, 2, 3) }) == "Recurrence.stateShape")
  #expect(try answer(Recurrence(.simple, clip: -1), sequence { _ in }) == "Recurrence.clip")
  let two = [RecurrentActivation](repeating: RecurrentActivation(.tanh), count: 2)
  #expect(
    try answer(Recurrence(.simple, activations: two), sequence { _ in }) == "Recurrence.activations")
}

private let gradients: [BrokenUse] = [
  BrokenUse(
    "ConvolutionWeightGradient.rank", ConvolutionWeightGradient(convolution: Convolution(), kernel: [3]), x, x
  ),
  BrokenUse(
    "ConvolutionWeightGradient.cotangent",
    ConvolutionWeightGradient(convolution: Convolution(), kernel: [3, 3]), x, x),
  BrokenUse(
    "AveragePoolGradient.cotangent",
    AveragePoolGradient(pool: AveragePool(window: PoolingWindow(2)), shape: x.shape), x),
  BrokenUse("MaxPoolGradient.cotangent", MaxPoolGradient(pool: MaxPool(window: PoolingWindow(2))), x, x),
  BrokenUse(
    "PadGradient.cotangent", PadGradient(shape: [3], pad: Pad(before: [1], after: [0], mode: .edge)),
    floats(3)),
  BrokenUse(
    "ResizeGradient.cotangent",
    ResizeGradient(resize: Resize(mode: .linear, extents: [4], scales: [2]), shape: [2]), floats(3)),
  BrokenUse("GatherGradient.indices", GatherGradient(axis: 0, extent: 3), floats(2), floats(2)),
]

private let brokenUses = windows + elementwise + layouts + indexing + combinations + gradients

@Test(arguments: brokenUses.indices)
func brokenConstraintsAreNamed(_ index: Int) throws {
  let use = brokenUses[index]
  #expect(try constraint(of: use.operation, on: use.inputs) == use.constraint, "\(use)")
}

/// Without inputs, and with more than any operator takes.
@Test func everyOperatorCountsItsInputs() {
  for sample in OperatorSample.all + OperatorSample.gradients where !(sample.operation is Concatenate) {
    for count in [0, 20] {
      let inputs = [TensorType](repeating: sample.inputs[0].type, count: count)
      let error = #expect(throws: TypeError.self, "\(sample) on \(count) inputs") {
        try sample.operation.outputTypes(for: inputs)
      }
      #expect(error?.constraint == "\(sample.operation.name).inputCount")
    }
  }
}

/// The gradient of a gather within a batch would need the batch's axes as indices.
@Test func gathersWithinBatchesHaveNoGradient() throws {
  var builder = GraphBuilder()
  let data = builder.input("data", floats(2, 3))
  let indices = builder.input("indices", integers(2, 1))
  let gather = GatherND(batchAxisCount: 1)
  let outputs = try builder.apply(gather, [data, indices])
  let context = Cotangents(
    inputs: [data, indices], outputs: outputs, ofOutputs: [builder.input("c", builder.type(of: outputs[0]))],
    isWanted: [true, false])
  let error = #expect(throws: GraphError.self) { try gather.cotangents(context, into: &builder) }
  guard case .type(_, _, let type)? = error else {
    Issue.record("\(String(describing: error))")
    return
  }
  #expect(type.constraint == "GatherND.gradient")
}
