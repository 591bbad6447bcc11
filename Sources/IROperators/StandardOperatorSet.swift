import IRGraph

extension OperatorSet {
  /// Every operator that graphs are built of.
  package static let standard = OperatorSet([
    Activation.self, ArgExtreme.self, Attention.self, AveragePool.self, BatchNormalization.self, Binary.self,
    BitCast.self, Cast.self, ChannelGram.self,
    Concatenate.self, Convolution.self, ConvolutionTranspose.self, CumulativeSum.self, DepthToSpace.self,
    Determinant.self,
    ElementwiseChain.self, FusedConvolution.self, FusedMatrixMultiply.self, Expand.self, Gather.self,
    GatherElements.self,
    GatherND.self, GridSample.self,
    GroupNormalization.self, GroupStatistics.self,
    IsInfinite.self, L2Normalization.self, LayerNormalization.self, LogSoftmax.self, LpPool.self,
    MatrixMultiply.self, MaxPool.self, OneHot.self, Pad.self, RMSNormalization.self, Recurrence.self,
    Reduce.self,
    RelativeExpand.self, RelativePad.self, RelativeReshape.self, RelativeResize.self, RelativeSlice.self,
    Reshape.self,
    Resize.self, RoiAlign.self, Roll.self, ScatterElements.self, ScatterND.self, Select.self, Slice.self,
    Softmax.self,
    SpaceToDepth.self,
    Split.self, Tile.self, TopK.self, Transpose.self, Trilu.self, Unary.self,
  ])

  /// The operators that only gradient rules make: no model holds them, and ONNX has no form for them.
  package static let gradients = OperatorSet([
    AveragePoolGradient.self, ConvolutionWeightGradient.self, GatherGradient.self,
    LayerNormalizationGradient.self, MaxPoolGradient.self, PadGradient.self, ResizeGradient.self,
    SliceGradient.self,
  ])

  /// The operators through which no gradient flows: they choose, compare or count, or are made after
  /// gradients were taken, or become others before (those of relative sizes), or no restorer is trained
  /// through them (`Determinant`, `GridSample`, `LpPool`, `Recurrence`, `RoiAlign`, `ScatterElements`,
  /// `ScatterND`).
  package static let nondifferentiableOperators: Set<String> = [
    "ArgExtreme", "Attention", "BitCast", "ChannelGram", "Determinant", "ElementwiseChain",
    "FusedConvolution", "FusedMatrixMultiply", "GridSample", "GroupStatistics",
    "IsInfinite", "LpPool",
    "OneHot", "Recurrence",
    "RelativeExpand", "RelativePad", "RelativeReshape", "RelativeResize", "RelativeSlice", "RoiAlign",
    "ScatterElements",
    "ScatterND",
  ]
}
