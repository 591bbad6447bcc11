import IROperators
import IRTensor

private func integers(_ values: Int64...) -> Tensor { Tensor(values, shape: [values.count]) }

extension OperatorSample {
  /// Samples of every operator of the standard set.
  package static let all =
    convolutions + elementwise + normalizations + layouts + relatives + indexing + reductions + recurrences

  static let convolutions: [OperatorSample] = [
    OperatorSample(Convolution(), [1, 5, 7, 9], [11, 5, 1, 1], [11], hasWeights: true),
    OperatorSample(Convolution(padding: 1), [2, 3, 8, 8], [16, 3, 3, 3], hasWeights: true),
    OperatorSample(Convolution(stride: 2), [1, 4, 8, 6], [6, 4, 2, 2], [6], hasWeights: true),
    OperatorSample(Convolution(padding: 1, groupCount: 6), [1, 6, 9, 17], [6, 1, 3, 3], hasWeights: true),
    OperatorSample(
      Convolution(padding: 2, dilation: 2, groupCount: 2), [1, 4, 9, 9], [6, 2, 3, 3], [6], hasWeights: true),
    OperatorSample(Convolution(padding: 1), [1, 3, 6, 6], [4, 3, 3, 3], [4]),
    OperatorSample(
      Convolution(strides: [2], padsBefore: [1], padsAfter: [0], dilations: [1]), [1, 2, 11], [3, 2, 3],
      hasWeights: true),
    OperatorSample(
      ConvolutionTranspose(stride: 2, padding: 1, outputPadding: 1),
      [1, 3, 5, 4], [3, 4, 3, 3], [4], hasWeights: true),
    OperatorSample(
      FusedConvolution(Convolution(padding: 1), hasBias: true, hasResidual: true, activation: .unary(.relu)),
      [1, 3, 6, 6],
      [4, 3, 3, 3], [4],
      [1, 4, 6, 6]),
    OperatorSample(
      FusedConvolution(
        Convolution(padding: 1, groupCount: 4), hasBias: false, hasResidual: true),
      [1, 4, 6, 6],
      [4, 1, 3, 3], [1, 4, 6, 6]),
    OperatorSample(
      FusedConvolution(Convolution(), hasBias: true, activation: .unary(.relu)), [1, 3, 6, 6],
      [4, 3, 1, 1], [4],
      hasWeights: true),
    OperatorSample(
      FusedConvolution(
        Convolution(padding: 1), hasBias: true, hasResidual: true,
        activation: .activation(Activation(.leakyRelu, alpha: 0.2))),
      [1, 32, 6, 7], [33, 32, 3, 3], [33], [1, 33, 6, 7], hasWeights: true, tolerance: 1e-5),
    // Few pixels of many channels.
    OperatorSample(
      FusedConvolution(Convolution(), hasBias: true, hasResidual: true, activation: .unary(.relu)),
      [2, 64, 7, 7], [96, 64, 1, 1], [96], [2, 96, 7, 7], hasWeights: true, tolerance: 1e-5),
    OperatorSample(
      FusedConvolution(Convolution(), hasBias: false), [1, 80, 1, 15], [130, 80, 1, 1], hasWeights: true,
      tolerance: 1e-5),
    // An activation that the convolutions' kernels do not apply.
    OperatorSample(
      FusedConvolution(Convolution(padding: 1), hasBias: false, activation: .unary(.tanh)), [1, 3, 6, 6],
      [4, 3, 3, 3], hasWeights: true),
    OperatorSample(
      FusedMatrixMultiply(
        MatrixMultiply(), hasBias: true, hasResidual: true, activation: .activation(Activation(.gelu))),
      [2, 7, 6], [6, 40], [40], [2, 7, 40], hasWeights: true),
    OperatorSample(
      FusedMatrixMultiply(
        MatrixMultiply(transposesA: true, transposesB: true), hasBias: true, activation: .unary(.relu)),
      [2, 6, 7], [133, 6], [133], hasWeights: true),
    OperatorSample(
      FusedMatrixMultiply(MatrixMultiply(), hasResidual: true, activation: .unary(.tanh)),
      [3, 4100], [4100, 5], [3, 5], tolerance: 2e-5),
    OperatorSample(
      Attention(heads: 2, size: 5, valueSize: 4, scale: 0.5, starts: [0, 10, 20]), [2, 7, 28], [2, 9, 28],
      [2, 9, 28], [2, 1, 9, 7], [2, 9, 7]),
    OperatorSample(
      Attention(
        heads: 2, size: 3, valueSize: 3, scale: 0.5, starts: [0, 6, 12], window: [4, 8], offset: [2, 4]),
      [2, 18, 8, 16], [2, 18, 8, 16], [2, 18, 8, 16], [8, 1, 32, 32]),
    OperatorSample(MaxPool(window: PoolingWindow(3, stride: 2, padding: 1)), [1, 2, 7, 9]),
    OperatorSample(MaxPool(window: PoolingWindow(2, stride: 2), hasIndices: true), [1, 2, 6, 4]),
    OperatorSample(
      AveragePool(window: PoolingWindow(3, stride: 2, padding: 1, ceilMode: true)), [1, 2, 8, 9]),
    OperatorSample(AveragePool(window: PoolingWindow(2, stride: 2), countsPadding: true), [2, 2, 6, 4]),
    OperatorSample(LpPool(window: PoolingWindow(2, stride: 2)), [1, 2, 6, 4]),
    OperatorSample(ChannelGram(groupCount: 2), [2, 6, 5, 7], [2, 8, 5, 7]),
    OperatorSample(MatrixMultiply(transposesB: true), [2, 3, 7, 5], [2, 1, 6, 5]),
    OperatorSample(MatrixMultiply(transposesA: true), [5, 7], [5, 6], hasWeights: true),
    OperatorSample(MatrixMultiply(), [2, 3, 1, 4, 5], [5, 6], hasWeights: true),
    OperatorSample(MatrixMultiply(transposesA: true), [2, 3, 2, 5, 4], [5, 6]),
    OperatorSample(MatrixMultiply(transposesB: true), [2, 3, 2, 4, 5], [2, 3, 2, 6, 5]),
    OperatorSample(MatrixMultiply(), [2, 1, 2, 4, 5], [1, 3, 2, 5, 6]),
  ]

  static let elementwise: [OperatorSample] =
    UnaryFunction.allCases.filter { ![.not, .bitwiseNot, .isNaN].contains($0) }.map {
      let range: ClosedRange<Float> =
        [.acosh].contains($0)
        ? 1...4 : ([.log, .sqrt, .reciprocal, .reciprocalSqrt].contains($0) ? 0.1...4 : -0.9...0.9)
      return OperatorSample(Unary($0), [3, 37], in: range)
    }
    + BinaryFunction.allCases.filter {
      [.add, .subtract, .multiply, .divide, .minimum, .maximum, .parametricRelu].contains($0)
    }
    .map { OperatorSample(Binary($0), [2, 3, 4], [3, 1], in: 0.5...2) }
    + BinaryFunction.allCases.filter {
      [.equal, .less, .lessOrEqual, .greater, .greaterOrEqual].contains($0)
    }
    .map { OperatorSample(Binary($0), [integers(1, 2, 3), integers(3, 2, 1)]) }
    + [BinaryFunction.shiftLeft, .shiftRight].map { function in
      let bytes = TensorType(.uint8, [4])
      return OperatorSample(
        Binary(function),
        [Tensor(bytes, integers: [200, 3, 255, 1]), Tensor(bytes, integers: [1, 7, 8, 0])])
    }
    + BinaryFunction.allCases.filter { [.modulo, .bitwiseAnd, .bitwiseOr, .bitwiseXor].contains($0) }
    .map { OperatorSample(Binary($0), [integers(9, -8, 7), integers(4, 3, -2)]) }
    + [BinaryFunction.and, .or, .xor].map {
      OperatorSample(
        Binary($0), [Tensor([true, true, false], shape: [3]), Tensor([true, false, false], shape: [3])])
    }
    + [
      OperatorSample(Binary(.power), [4, 5], [5], in: 0.2...3),
      OperatorSample(Binary(.remainder), [4, 5], [5], in: 0.2...3),
      OperatorSample(Binary(.shiftRight), [integers(9, -8, 7), integers(1, 70, -1)]),
      OperatorSample(BitCast(to: .int32), [3, 5]),
      OperatorSample(Unary(.not), [Tensor([true, false], shape: [2])]),
      OperatorSample(Unary(.bitwiseNot), [integers(5, -1)]),
      OperatorSample(Unary(.isNaN), [Tensor([Float(1), .nan, 2], shape: [3])]),
      OperatorSample(Cast(to: .float16), [3, 5]), OperatorSample(Cast(to: .int32), [3, 5], in: -50...50),
      OperatorSample(
        IsInfinite(detectsNegative: false), [Tensor([Float(1), .infinity, -.infinity], shape: [3])]),
      OperatorSample(
        Select(),
        [Tensor([true, false, true], shape: [3]), Tensor([Float(1), 2, 3], shape: [3]), Tensor(scalar: 9)]),
      OperatorSample(
        ElementwiseChain(
          inputCount: 2,
          instructions: [
            .init(.activation(Activation(.gelu)), [0]), .init(.binary(.multiply), [2, 1]),
            .init(.unary(.square), [3]),
          ]), [2, 3, 33], [3, 1]),
      // A gate read once, the square of one, and one read again.
      OperatorSample(
        ElementwiseChain(
          inputCount: 1,
          instructions: [
            .init(.unary(.sigmoid), [0]), .init(.binary(.multiply), [0, 1]),
            .init(.activation(Activation(.gelu)), [2]), .init(.binary(.multiply), [3, 3]),
            .init(.activation(Activation(.gelu)), [4]), .init(.binary(.multiply), [5, 0]),
            .init(.binary(.add), [6, 5]),
          ]), [5, 33], in: -4...4),
    ]
    + ActivationFunction.allCases.map {
      OperatorSample(Activation($0, alpha: 0.75, beta: 1.5), [3, 35], in: -4...4)
    }

  static let normalizations: [OperatorSample] = [
    OperatorSample(LayerNormalization(axes: [1]), [1, 12, 5, 7], [12], [12], hasWeights: true),
    OperatorSample(LayerNormalization(axes: [1, 2], epsilon: 1e-3), [2, 4, 6], [4, 6]),
    OperatorSample(LayerNormalization(axes: [1]), [1, 12, 5, 7]),
    OperatorSample(RMSNormalization(axes: [2]), [2, 3, 16], [16]),
    OperatorSample(RMSNormalization(axes: [1]), [2, 8, 3]),
    OperatorSample(L2Normalization(axis: 2), [1, 2, 19]),
    OperatorSample(L2Normalization(axis: 1), [1, 7, 19]),
    OperatorSample(GroupNormalization(groupCount: 2), [2, 4, 3, 3], [4], [4], hasWeights: true),
    OperatorSample(GroupNormalization(groupCount: 4), [2, 4, 3, 5], [4], [4], hasWeights: true),
    OperatorSample(GroupStatistics(groupCount: 2), [2, 4, 3, 5], [4], [4], hasWeights: true),
    OperatorSample(GroupStatistics(groupCount: 4), [1, 4, 2, 5], [4], [4], hasWeights: true),
    OperatorSample(BatchNormalization(), [2, 3, 4, 4], [3], [3], [3], [3], in: 0.2...2, hasWeights: true),
    OperatorSample(Softmax(axis: 1), [2, 9, 5]), OperatorSample(Softmax(axis: 2), [2, 3, 70]),
    OperatorSample(LogSoftmax(axis: 2), [2, 9, 5]),
  ]

  static let layouts: [OperatorSample] =
    [
      OperatorSample(Reshape(shape: [3, 8]), [2, 3, 4]),
      OperatorSample(Transpose(permutation: [0, 2, 3, 1]), [2, 3, 5, 7]),
      OperatorSample(Expand(shape: [2, 3, 4]), [3, 1]), OperatorSample(Tile(repeats: [2, 3]), [2, 3]),
      OperatorSample(Slice(starts: [0, 4], steps: [1, -2], extents: [3, 3]), [3, 5]),
      OperatorSample(Slice(starts: [1, 0], steps: [1, 1], extents: [2, 5]), [3, 5]),
      OperatorSample(Roll(offsets: [0, 2, 3]), [2, 3, 5]), OperatorSample(Roll(offsets: [1]), [7]),
      OperatorSample(Concatenate(axis: 1), [2, 3, 2], [2, 1, 2]),
      OperatorSample(Split(axis: 1, sizes: [1, 3]), [2, 4, 3]),
      OperatorSample(DepthToSpace(blockSize: 2), [1, 8, 3, 5]),
      OperatorSample(DepthToSpace(blockSize: 3, mode: .depthColumnRow), [1, 18, 4, 5]),
      OperatorSample(DepthToSpace(blockSize: 2), [2, 8, 3, 150]),
      OperatorSample(DepthToSpace(blockSize: 2, mode: .depthColumnRow), [1, 8, 3, 5]),
      OperatorSample(SpaceToDepth(blockSize: 2), [1, 3, 4, 6]),
      OperatorSample(SpaceToDepth(blockSize: 2, mode: .depthColumnRow), [1, 3, 4, 6]),
      OperatorSample(Trilu(isUpper: false, diagonal: 1), [2, 4, 5]),
      OperatorSample(Resize(mode: .linear, extents: [1, 2, 8, 10], scales: [1, 1, 2, 2]), [1, 2, 4, 5]),
      OperatorSample(
        Resize(mode: .cubic, extents: [1, 2, 3, 4], scales: [1, 1, 0.5, 0.5], isAntialiased: true),
        [1, 2, 6, 8]),
      OperatorSample(
        Resize(mode: .nearest, coordinates: .asymmetric, rounding: .floor, extents: [2, 6], scales: [1, 2]),
        [2, 3]),
    ]
    + PadMode.allCases.map {
      OperatorSample(Pad(before: [0, 0, 1, 2], after: [0, 0, 3, 1], mode: $0, value: 0.5), [1, 2, 5, 6])
    }

  static let relatives: [OperatorSample] = [
    OperatorSample(
      RelativeExpand([.extent(of: 1, axis: 0), 1, .extent(of: 1, axis: 2) / 2]), [2, 1, 1], [2, 3, 8]),
    OperatorSample(
      RelativeReshape([.extent(axis: 0), 2, .extent(axis: 1) / 2, .extent(axis: 2) * .extent(axis: 3)]),
      [1, 4, 3, 5]),
    OperatorSample(
      RelativeReshape([.extent(axis: 0), 4, .extent(of: 1, axis: 2), .extent(of: 1, axis: 3)]), [1, 4, 15],
      [1, 2, 3, 5]),
    OperatorSample(
      RelativeSlice(
        starts: [0, 0, (.extent(axis: 2) - 4) / 2, 0],
        extents: [.extent(axis: 0), .extent(axis: 1), 4, .minimum(.extent(axis: 3), .extent(axis: 2))]),
      [1, 2, 7, 9]),
    OperatorSample(
      RelativePad(
        after: [0, 0, (8 - .extent(axis: 2) % 8) % 8, (8 - .extent(axis: 3) % 8) % 8], mode: .reflect),
      [1, 2, 5, 8]),
    OperatorSample(
      RelativeResize(
        mode: .linear,
        extents: [.extent(axis: 0), .extent(axis: 1), .extent(of: 1, axis: 2), .extent(of: 1, axis: 3)]),
      [1, 2, 4, 5], [1, 1, 7, 11]),
  ]

  static let indexing: [OperatorSample] = {
    let rows = Tensor([Float(1), 2, 3, 4, 5, 6], shape: [3, 2])
    func short(_ height: Int, _ width: Int, _ values: [Double]) -> Tensor {
      Tensor(TensorType(.int32, [height, width]), doubles: values)
    }
    return [
      OperatorSample(GridSample(mode: .linear), [1, 2, 4, 5], [1, 3, 3, 2], in: -1.3...1.3),
      OperatorSample(
        GridSample(mode: .cubic, padding: .reflection, alignsCorners: true), [1, 2, 4, 5], [1, 3, 3, 2],
        in: -1.3...1.3),
      OperatorSample(
        GridSample(mode: .nearest, padding: .border), [2, 3, 5, 4], [2, 9, 37, 2], in: -1.6...1.6),
      OperatorSample(
        GridSample(mode: .linear, padding: .reflection), [2, 3, 5, 4], [2, 9, 37, 2], in: -4.6...4.6),
      OperatorSample(
        GridSample(mode: .cubic, padding: .zeros), [1, 2, 7, 6], [1, 20, 20, 2], in: -1.6...1.6),
      OperatorSample(
        GridSample(mode: .linear, alignsCorners: true), [1, 1, 3, 4, 5], [1, 2, 3, 4, 3], in: -1.3...1.3),
      OperatorSample(
        RoiAlign(height: 2, width: 3, samplingRatio: 2, scale: 0.5),
        [
          Tensor((0..<60).map { Float($0 * 7 % 11) }, shape: [1, 3, 4, 5]),
          Tensor([Float(0), 1, 6, 7, 2, 2, 9, 12], shape: [2, 4]), integers(0, 0),
        ]),
      OperatorSample(
        RoiAlign(pooling: .maximum, height: 2, width: 2, isHalfPixel: false),
        [
          Tensor((0..<40).map { Float($0 * 7 % 11) }, shape: [2, 1, 4, 5]),
          Tensor([Float(0), 0, 3.5, 3, -2, 1, 7, 2], shape: [2, 4]), integers(1, 0),
        ]),
      OperatorSample(Gather(axis: 0), [rows, integers(2, 0, -1)]),
      OperatorSample(GatherElements(axis: 0), [rows, Tensor([Int64(2), 0, 1, 1], shape: [2, 2])]),
      OperatorSample(
        GatherElements(axis: 1), [rows, short(3, 2, [1, -1, 7, 0, 1, 0])]),
      OperatorSample(Gather(axis: 1), [rows, short(2, 2, [-1, 1, 9, -9])]),
      OperatorSample(GatherND(), [rows, Tensor([Int64(2), 0, 1, 1], shape: [2, 2])]),
      OperatorSample(
        ScatterElements(axis: 0),
        [rows, Tensor([Int64(2), 0], shape: [1, 2]), Tensor([Float(9), 8], shape: [1, 2])]),
      OperatorSample(
        ScatterND(reduction: .add),
        [rows, Tensor([Int64(1)], shape: [1, 1]), Tensor([Float(9), 8], shape: [1, 2])]),
      OperatorSample(OneHot(axis: 1, depth: 4), [integers(3, 0), Tensor([Float(0), 1], shape: [2])]),
    ]
  }()

  /// Every cell in every direction, on sequences of 4, 2 and 3 elements.
  static let recurrences: [OperatorSample] = RecurrentCell.allCases.flatMap { cell in
    RecurrentDirection.allCases.map { direction in
      var generator = SeededGenerator(seed: UInt64(cell.gateCount * 10 + direction.rawValue.count))
      let (directions, hidden, size, gates) = (direction == .bidirectional ? 2 : 1, 5, 3, cell.gateCount)
      let isPlain = direction == .forward
      let functions: [RecurrentActivation] =
        isPlain
        ? []
        : (0..<(directions * cell.activationCount)).map {
          [
            RecurrentActivation(.hardSigmoid), RecurrentActivation(.softsign),
            RecurrentActivation(.leakyRelu, alpha: 0.3),
            RecurrentActivation(.scaledTanh, alpha: 1.5, beta: 0.5),
          ][$0 % 4]
        }
      let shapes: [Shape] = [
        [4, 3, size], [directions, gates * hidden, size], [directions, gates * hidden, hidden],
        [directions, 2 * gates * hidden], [directions, 3, hidden], [directions, 3, hidden],
        [directions, 3 * hidden],
      ]
      var inputs = shapes.map { generator.tensor($0, in: -1...1) }
      inputs.insert(Tensor(TensorType(.int32, [3]), integers: [4, 2, 3]), at: 4)
      return OperatorSample(
        Recurrence(
          cell, direction: direction, activations: functions, clip: isPlain ? 0 : 2,
          isLinearBeforeReset: !isPlain, couplesForget: direction == .reverse),
        cell == .lstm ? inputs : Array(inputs[..<6]))
    }
  }

  static let reductions: [OperatorSample] =
    ReduceFunction.allCases.map { OperatorSample(Reduce($0, axes: [1]), [2, 17, 6], in: 0.5...1.5) } + [
      OperatorSample(Reduce(.l2, axes: [2, 3], keepsAxes: false), [1, 3, 6, 5]),
      OperatorSample(ArgExtreme(findsMaximum: true, axis: 1), [2, 7, 3]),
      OperatorSample(ArgExtreme(findsMaximum: false, axis: 0, keepsAxis: false, selectsLast: true), [4, 3]),
      OperatorSample(CumulativeSum(axis: 1, isReversed: true), [2, 5]),
      OperatorSample(TopK(axis: 1, count: 3), [2, 7]),
      OperatorSample(Determinant(), [2, 4, 4]), OperatorSample(Determinant(), [1, 1]),
    ]
}
