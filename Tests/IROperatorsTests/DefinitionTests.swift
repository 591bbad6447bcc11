import IRGraph
import IROperators
import IRTensor
import Testing

/// An operator's results in numbers that were worked out by hand: `evaluate` is what all else is tested
/// against.
struct Definition: Sendable, CustomStringConvertible {
  let operation: any Operator
  let inputs: [Tensor]
  let expected: [Tensor]

  init(_ operation: any Operator, _ inputs: Tensor..., gives expected: Tensor...) {
    (self.operation, self.inputs, self.expected) = (operation, inputs, expected)
  }

  var description: String { "\(operation)" }
}

private func f(_ shape: Shape, _ values: Float...) -> Tensor { Tensor(values, shape: shape) }
private func i(_ shape: Shape, _ values: Int64...) -> Tensor { Tensor(values, shape: shape) }
private func b(_ values: Bool...) -> Tensor { Tensor(values, shape: [values.count]) }

private let square = f([1, 1, 3, 3], 1, 2, 3, 4, 5, 6, 7, 8, 9)

private let windows: [Definition] = [
  // 1 − 5, 2 − 6, 4 − 8, 5 − 9.
  Definition(
    Convolution(), square, f([1, 1, 2, 2], 1, 0, 0, -1), f([1], 10), gives: f([1, 1, 2, 2], 6, 6, 6, 6)),
  // Corners see zeros outside.
  Definition(
    Convolution(stride: 2, padding: 1), square, f([1, 1, 3, 3], 1, 1, 1, 1, 1, 1, 1, 1, 1),
    gives: f([1, 1, 2, 2], 12, 16, 24, 28)),
  Definition(
    Convolution(groupCount: 2), f([1, 2, 1, 2], 1, 2, 3, 4), f([2, 1, 1, 1], 10, 100),
    gives: f([1, 2, 1, 2], 10, 20, 300, 400)),
  // Kernels that overlap by one column.
  Definition(
    ConvolutionTranspose(strides: [1, 2]), f([1, 1, 1, 2], 1, 2), f([1, 1, 1, 3], 1, 10, 100),
    gives: f([1, 1, 1, 5], 1, 10, 102, 20, 200)),
  Definition(
    FusedConvolution(
      Convolution(), hasBias: true, hasResidual: true,
      activation: .activation(Activation(.leakyRelu, alpha: 0.5))),
    f([1, 1, 1, 2], 1, -3), f([1, 1, 1, 1], 2), f([1], 1), f([1, 1, 1, 2], 4, 1),
    gives: f([1, 1, 1, 2], 7, -2)),
  Definition(
    FusedMatrixMultiply(MatrixMultiply(), hasBias: true, hasResidual: true, activation: .unary(.relu)),
    f([1, 2], 1, -3), f([2, 2], 2, 1, 0, 1), f([2], 1, 1), f([1, 2], 4, 0.5),
    gives: f([1, 2], 7, 0)),
  Definition(
    MaxPool(window: PoolingWindow(2), hasIndices: true), square, gives: f([1, 1, 2, 2], 5, 6, 8, 9),
    i([1, 1, 2, 2], 4, 5, 7, 8)),
  Definition(
    AveragePool(window: PoolingWindow(2, stride: 2, padding: 1)), square,
    gives: f([1, 1, 2, 2], 1, 2.5, 5.5, 7)),
  Definition(
    AveragePool(window: PoolingWindow(2, stride: 2, padding: 1), countsPadding: true), square,
    gives: f([1, 1, 2, 2], 0.25, 1.25, 2.75, 7)),
  Definition(
    LpPool(window: PoolingWindow(kernel: [1, 2])), f([1, 1, 1, 3], 3, -4, 0), gives: f([1, 1, 1, 2], 5, 4)),
  Definition(
    RoiAlign(height: 1, width: 2, samplingRatio: 1, isHalfPixel: false), square,
    f([1, 4], 0, 0, 2, 2), i([1], 0), gives: f([1, 1, 1, 2], 4.5, 5.5)),
  Definition(
    GridSample(mode: .linear, alignsCorners: true), f([1, 1, 2, 2], 1, 2, 3, 4),
    f([1, 1, 3, 2], -1, -1, 0, 0, 1, 0), gives: f([1, 1, 1, 3], 1, 2.5, 3)),
  // Channel c · 4 + row · 2 + column.
  Definition(
    DepthToSpace(blockSize: 2), f([1, 4, 1, 1], 1, 2, 3, 4), gives: f([1, 1, 2, 2], 1, 2, 3, 4)),
  Definition(
    SpaceToDepth(blockSize: 2), f([1, 1, 2, 4], 1, 2, 3, 4, 5, 6, 7, 8),
    gives: f([1, 4, 1, 2], 1, 3, 2, 4, 5, 7, 6, 8)),
  Definition(
    Resize(mode: .linear, extents: [4], scales: [2]), f([2], 0, 4), gives: f([4], 0, 1, 3, 4)),
  Definition(
    Resize(mode: .nearest, coordinates: .asymmetric, rounding: .floor, extents: [4], scales: [2]),
    f([2], 0, 4),
    gives: f([4], 0, 0, 4, 4)),
]

private let elementwise: [Definition] = [
  Definition(Unary(.square), f([3], -2, 0, 3), gives: f([3], 4, 0, 9)),
  Definition(Unary(.reciprocalSqrt), f([2], 4, 0.25), gives: f([2], 0.5, 2)),
  Definition(Unary(.not), b(true, false), gives: b(false, true)),
  Definition(Binary(.subtract), f([2, 2], 1, 2, 3, 4), f([2], 10, 20), gives: f([2, 2], -9, -18, -7, -16)),
  Definition(Binary(.modulo), i([2], -7, 7), i([2], 3, -3), gives: i([2], 2, -2)),
  Definition(Binary(.less), f([2], 1, 3), f([1], 2), gives: b(true, false)),
  Definition(Activation(.leakyRelu, alpha: 0.25), f([2], -4, 4), gives: f([2], -1, 4)),
  Definition(Activation(.hardSigmoid, alpha: 0.25, beta: 0.5), f([3], -4, 1, 9), gives: f([3], 0, 0.75, 1)),
  Definition(Activation(.clip, alpha: -1, beta: 2), f([3], -3, 0.5, 3), gives: f([3], -1, 0.5, 2)),
  Definition(
    Cast(to: .int32), f([3], -1.75, 1.75, 2), gives: Tensor(TensorType(.int32, [3]), integers: [-1, 1, 2])),
  Definition(BitCast(to: .int32), f([1], 1), gives: Tensor(TensorType(.int32, [1]), integers: [0x3F80_0000])),
  Definition(
    IsInfinite(detectsNegative: false), f([3], -.infinity, .infinity, 0), gives: b(false, true, false)),
  Definition(Select(), b(true, false), f([2], 1, 2), f([1], 9), gives: f([2], 1, 9)),
  // (x + y)² · y.
  Definition(
    ElementwiseChain(
      inputCount: 2,
      instructions: [
        .init(.binary(.add), [0, 1]), .init(.unary(.square), [2]), .init(.binary(.multiply), [3, 1]),
      ]), f([2], 1, 2), f([1], 3), gives: f([2], 48, 75)),
]

private let layouts: [Definition] = [
  Definition(Reshape(shape: [3, 2]), f([2, 3], 1, 2, 3, 4, 5, 6), gives: f([3, 2], 1, 2, 3, 4, 5, 6)),
  Definition(
    Transpose(permutation: [1, 0]), f([2, 3], 1, 2, 3, 4, 5, 6), gives: f([3, 2], 1, 4, 2, 5, 3, 6)),
  Definition(Expand(shape: [2, 3]), f([2, 1], 1, 2), gives: f([2, 3], 1, 1, 1, 2, 2, 2)),
  Definition(Tile(repeats: [2, 2]), f([1, 2], 1, 2), gives: f([2, 4], 1, 2, 1, 2, 1, 2, 1, 2)),
  Definition(Slice(starts: [4], steps: [-2], extents: [3]), f([5], 0, 1, 2, 3, 4), gives: f([3], 4, 2, 0)),
  Definition(
    Concatenate(axis: 1), f([2, 1], 1, 2), f([2, 2], 3, 4, 5, 6), gives: f([2, 3], 1, 3, 4, 2, 5, 6)),
  Definition(Split(axis: 0, sizes: [1, 2]), f([3], 1, 2, 3), gives: f([1], 1), f([2], 2, 3)),
  Definition(Pad(before: [1], after: [2], value: 9), f([2], 1, 2), gives: f([5], 9, 1, 2, 9, 9)),
  Definition(
    Pad(before: [2], after: [1], mode: .reflect), f([3], 1, 2, 3), gives: f([6], 3, 2, 1, 2, 3, 2)),
  Definition(Pad(before: [1], after: [1], mode: .wrap), f([3], 1, 2, 3), gives: f([5], 3, 1, 2, 3, 1)),
  Definition(Roll(offsets: [1]), f([3], 1, 2, 3), gives: f([3], 2, 3, 1)),
  Definition(Trilu(isUpper: false, diagonal: -1), f([2, 2], 1, 2, 3, 4), gives: f([2, 2], 0, 0, 3, 0)),
  Definition(
    OneHot(axis: 1, depth: 3), i([2], 2, -3), f([2], 0, 5), gives: f([2, 3], 0, 0, 5, 5, 0, 0)),
  Definition(
    Gather(axis: 1), f([2, 3], 1, 2, 3, 4, 5, 6), i([2], -1, 0), gives: f([2, 2], 3, 1, 6, 4)),
  Definition(
    GatherElements(axis: 0), f([2, 2], 1, 2, 3, 4), i([1, 2], 1, 0), gives: f([1, 2], 3, 2)),
  Definition(GatherND(), f([2, 2], 1, 2, 3, 4), i([2, 2], 1, 0, 0, 1), gives: f([2], 3, 2)),
  Definition(
    ScatterElements(axis: 0, reduction: .add), f([3], 1, 2, 3), i([2], 2, 2), f([2], 10, 20),
    gives: f([3], 1, 2, 33)),
  Definition(
    ScatterND(), f([2, 2], 1, 2, 3, 4), i([1, 1], 1), f([1, 2], 8, 9), gives: f([2, 2], 1, 2, 8, 9)),
  Definition(
    RelativeReshape([.extent(axis: 1), .extent(axis: 0)]), f([2, 3], 1, 2, 3, 4, 5, 6),
    gives: f([3, 2], 1, 2, 3, 4, 5, 6)),
  Definition(RelativeExpand([.extent(axis: 0), 2]), f([2, 1], 1, 2), gives: f([2, 2], 1, 1, 2, 2)),
  Definition(
    RelativeSlice(starts: [1], extents: [.extent(axis: 0) - 2]), f([4], 1, 2, 3, 4), gives: f([2], 2, 3)),
  Definition(RelativePad(after: [.extent(axis: 0) / 2], mode: .edge), f([2], 1, 2), gives: f([3], 1, 2, 2)),
  Definition(
    RelativeResize(mode: .linear, extents: [.extent(axis: 0) * 2]), f([2], 0, 4), gives: f([4], 0, 1, 3, 4)),
]

private let combinations: [Definition] = [
  Definition(
    MatrixMultiply(), f([2, 2], 1, 2, 3, 4), f([2, 2], 5, 6, 7, 8), gives: f([2, 2], 19, 22, 43, 50)),
  Definition(
    MatrixMultiply(transposesA: true, transposesB: true), f([2, 2], 1, 2, 3, 4), f([2, 2], 5, 6, 7, 8),
    gives: f([2, 2], 23, 31, 34, 46)),
  Definition(Determinant(), f([2, 2], 1, 2, 3, 4), gives: Tensor(scalar: -2)),
  Definition(Softmax(axis: 0), f([2], 7, 7), gives: f([2], 0.5, 0.5)),
  Definition(LogSoftmax(axis: 0), f([1], 7), gives: f([1], 0)),
  // Mean 3, variance 4.
  Definition(
    LayerNormalization(axes: [0], epsilon: 0), f([2], 1, 5), f([2], 10, 100), f([2], 1, 2),
    gives: f([2], -9, 102)),
  Definition(RMSNormalization(axes: [0], epsilon: 0), f([2], 1, 7), f([2], 5, 10), gives: f([2], 1, 14)),
  Definition(L2Normalization(axis: 0), f([2], 3, -4), gives: f([2], 0.6, -0.8)),
  Definition(
    GroupNormalization(groupCount: 1, epsilon: 0), f([1, 2, 1], 1, 5), f([2], 1, 1), f([2], 0, 10),
    gives: f([1, 2, 1], -1, 11)),
  // (x − 1) / √4 · 3 + 5.
  Definition(
    BatchNormalization(epsilon: 0), f([1, 1, 2], 1, 5), f([1], 3), f([1], 5), f([1], 1), f([1], 4),
    gives: f([1, 1, 2], 5, 11)),
  Definition(Reduce(.sumSquare, axes: [1]), f([2, 2], 1, 2, 3, 4), gives: f([2, 1], 5, 25)),
  Definition(Reduce(.mean, axes: [0], keepsAxes: false), f([2, 2], 1, 2, 3, 4), gives: f([2], 2, 3)),
  Definition(ArgExtreme(findsMaximum: true, axis: 0), f([4], 1, 9, 9, 2), gives: i([1], 1)),
  Definition(
    CumulativeSum(axis: 0, isExclusive: true, isReversed: true), f([3], 1, 2, 4), gives: f([3], 6, 4, 0)),
  Definition(TopK(axis: 0, count: 2), f([4], 1, 9, 9, 2), gives: f([2], 9, 9), i([2], 1, 2)),
  // Scores are 0, so that values are averaged; the term hides the second key.
  Definition(
    Attention(heads: 1, size: 1, valueSize: 1, scale: 1), f([1, 1, 1], 0), f([1, 2, 1], 3, 4),
    f([1, 2, 1], 10, 20), gives: f([1, 1, 1], 15)),
  Definition(
    Attention(heads: 1, size: 1, valueSize: 1, scale: 1), f([1, 1, 1], 0), f([1, 2, 1], 3, 4),
    f([1, 2, 1], 10, 20), f([2, 1], 0, -.infinity), gives: f([1, 1, 1], 10)),
  Definition(
    GroupStatistics(groupCount: 1, epsilon: 0), f([1, 2, 1, 1], 1, 5), f([2], 1, 1), f([2], 0, 10),
    gives: f([1, 2, 1, 1], 0.5, 0.5), f([1, 2, 1, 1], -1.5, 8.5)),
  Definition(
    ChannelGram(groupCount: 1), f([1, 2, 1, 2], 3, 4, 0, 1), f([1, 1, 1, 2], 6, 8),
    gives: f([1, 1, 2, 1], 50, 8), f([1, 1, 2, 1], 5, 1), f([1, 1, 1, 1], 10)),
  // h = x · 2 + h · 3 + 1 by the identity, over two steps.
  Definition(
    Recurrence(.simple, activations: [RecurrentActivation(.affine, alpha: 1, beta: 0)]), f([2, 1, 1], 1, 10),
    f([1, 1, 1], 2), f([1, 1, 1], 3), f([1, 2], 1, 0), i([1], 2), f([1, 1, 1], 0),
    gives: f([2, 1, 1, 1], 3, 30), f([1, 1, 1], 30)),
]

private let definitions = windows + elementwise + layouts + combinations

@Test func everyOperatorHasNumbers() {
  let known = Set(definitions.map(\.operation.name))
  #expect(OperatorSet.standard.names.filter { !known.contains($0) } == [])
}

@Test(arguments: definitions.indices)
func definitionsGiveTheseNumbers(_ index: Int) {
  let definition = definitions[index]
  let found = definition.operation.evaluate(definition.inputs)
  #expect(found.map(\.type) == definition.expected.map(\.type), "\(definition)")
  for (a, b) in zip(found, definition.expected) {
    // Both are float32 at most: one rounding apart.
    let isClose = zip(a.doubles, b.doubles).allSatisfy { abs($0 - $1) <= 1.2e-7 * max(1, abs($1)) }
    #expect(isClose, "\(definition): \(a.doubles), not \(b.doubles)")
  }
}
