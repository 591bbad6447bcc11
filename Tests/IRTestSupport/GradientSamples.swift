import IROperators
import IRTensor

extension OperatorSample {
  /// Uses of the standard operators whose gradients take another way than those of `all`.
  package static let forGradients: [OperatorSample] = [
    OperatorSample(
      Convolution(strides: [2, 2], padsBefore: [1, 0], padsAfter: [0, 1]), [2, 4, 7, 8], [6, 4, 3, 2], [6]),
    OperatorSample(
      Convolution(strides: [3, 2], padsBefore: [1, 1], dilations: [1, 2], groupCount: 2), [1, 4, 9, 9],
      [6, 2, 3, 3]),
    OperatorSample(Convolution(padding: 2, dilation: 2, groupCount: 2), [1, 4, 6, 7], [6, 2, 3, 3]),
    OperatorSample(Convolution(padding: 3, groupCount: 3), [2, 3, 8, 9], [3, 1, 7, 7], [3]),
    OperatorSample(Convolution(stride: 2, padding: 1, groupCount: 3), [1, 3, 8, 9], [6, 1, 3, 3]),
    OperatorSample(
      ConvolutionTranspose(
        strides: [2, 3], padsBefore: [1, 0], padsAfter: [0, 1], dilations: [2, 1], outputPadding: [1, 2],
        groupCount: 2), [2, 4, 4, 3], [4, 3, 3, 2], [6]),
    OperatorSample(MatrixMultiply(), [3, 4, 5], [5, 2]),
    OperatorSample(MatrixMultiply(), [4, 5], [2, 5, 3]),
    OperatorSample(MatrixMultiply(transposesA: true, transposesB: true), [2, 5, 4], [2, 3, 5]),
    OperatorSample(MatrixMultiply(transposesB: true), [3, 4, 5], [2, 5]),
    OperatorSample(LayerNormalization(axes: [2]), [2, 3, 9], [9], [9]),
    OperatorSample(LayerNormalization(axes: [1]), [2, 12, 5, 7], [12]),
    OperatorSample(Pad(before: [0, 1], after: [2, 0], mode: .reflect), [4, 3]),
    OperatorSample(Slice(starts: [2, 1], steps: [-1, 2], extents: [3, 2]), [3, 5]),
    OperatorSample(MaxPool(window: PoolingWindow(3, stride: 2, padding: 1)), [2, 2, 7, 6]),
    OperatorSample(AveragePool(window: PoolingWindow(3, padding: 1)), [1, 2, 5, 6]),
    OperatorSample(
      Resize(mode: .linear, coordinates: .alignCorners, extents: [1, 2, 3, 9], scales: [1, 1, 0.75, 1.8]),
      [1, 2, 4, 5]),
    OperatorSample(
      Resize(
        mode: .nearest, coordinates: .asymmetric, rounding: .floor, extents: [1, 1, 6, 9],
        scales: [1, 1, 2, 3]),
      [1, 1, 3, 3]),
    OperatorSample(
      GatherND(),
      [
        Tensor([Float(1), 2, 3, 4, 5, 6], shape: [3, 2]), Tensor([Int64(2), 0, 2], shape: [3, 1]),
      ]),
    OperatorSample(
      Gather(axis: 1),
      [Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3]), Tensor([Int64(2), 2, 0, -3], shape: [2, 2])]),
    OperatorSample(Activation(.affine, alpha: -0.5, beta: 2), [7]),
    OperatorSample(CumulativeSum(axis: 0, isExclusive: true), [5, 2]),
    OperatorSample(TopK(axis: 0, count: 2, findsLargest: false), [5, 3]),
  ]

  /// Samples of the operators that only gradient rules make.
  package static let gradients: [OperatorSample] = [
    OperatorSample(
      ConvolutionWeightGradient(convolution: Convolution(), kernel: [1, 1]),
      [3, 5, 6, 9], [3, 7, 6, 9], tolerance: 4e-6),
    OperatorSample(
      ConvolutionWeightGradient(convolution: Convolution(padding: 1), kernel: [3, 3]),
      [2, 3, 17, 9], [2, 8, 17, 9], tolerance: 4e-6),
    OperatorSample(
      ConvolutionWeightGradient(convolution: Convolution(stride: 2), kernel: [2, 2]),
      [2, 4, 8, 10], [2, 6, 4, 5], tolerance: 4e-6),
    OperatorSample(
      ConvolutionWeightGradient(
        convolution: Convolution(padding: 1, groupCount: 6), kernel: [3, 3]),
      [2, 6, 11, 19], [2, 6, 11, 19], tolerance: 4e-6),
    OperatorSample(
      ConvolutionWeightGradient(
        convolution: Convolution(padding: 3, groupCount: 3), kernel: [7, 7]),
      [2, 3, 9, 20], [2, 3, 9, 20], tolerance: 4e-6),
    OperatorSample(
      ConvolutionWeightGradient(
        convolution: Convolution(strides: [2, 1], padsBefore: [1, 2], dilations: [1, 2], groupCount: 2),
        kernel: [3, 3]),
      [1, 4, 9, 9], [1, 6, 5, 9], tolerance: 4e-6),
    OperatorSample(
      LayerNormalizationGradient(axes: [1], epsilon: 1e-5, hasScale: true), [2, 12, 5, 7], [2, 12, 5, 7],
      [12],
      tolerance: 4e-6),
    OperatorSample(
      LayerNormalizationGradient(axes: [1], epsilon: 1e-5, hasScale: false, hasAddend: true), [2, 6, 5, 7],
      [2, 6, 5, 7], [2, 6, 5, 7]),
    OperatorSample(
      LayerNormalizationGradient(axes: [1], epsilon: 1e-5, hasScale: false), [2, 40, 9, 9], [2, 40, 9, 9],
      tolerance: 4e-6),
    OperatorSample(
      LayerNormalizationGradient(axes: [1, 2], epsilon: 1e-3, hasScale: true), [5, 4, 6], [5, 4, 6], [4, 6],
      tolerance: 4e-6),
    OperatorSample(SliceGradient(shape: [4, 6], starts: [0, 5], steps: [1, -2]), [3, 3]),
    OperatorSample(
      PadGradient(
        shape: [1, 2, 5, 6], pad: Pad(before: [0, 0, 1, 2], after: [0, 0, 3, 1], mode: .reflect)),
      [1, 2, 9, 9]),
    OperatorSample(
      GatherGradient(axis: 0, extent: 4),
      [Tensor([Float(1), 2, 3, 4], shape: [2, 2]), Tensor([Int64(3), -1], shape: [2])]),
    OperatorSample(
      ResizeGradient(
        resize: Resize(mode: .linear, extents: [1, 2, 8, 10], scales: [1, 1, 2, 2]), shape: [1, 2, 4, 5]),
      [1, 2, 8, 10]),
    OperatorSample(
      AveragePoolGradient(
        pool: AveragePool(window: PoolingWindow(3, stride: 2, padding: 1)), shape: [1, 2, 7, 9]),
      [1, 2, 4, 5]),
    OperatorSample(
      MaxPoolGradient(pool: MaxPool(window: PoolingWindow(2, stride: 2))), [1, 2, 6, 4], [1, 2, 3, 2]),
  ]
}
