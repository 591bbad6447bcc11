import IROperators
import IRTensor

/// Which convolutions are computed by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, "Fast
/// Algorithms for Convolutional Neural Networks", 2016): a quarter of the multiplications.
///
/// The results of a tile of 4×4 are rounded together, from all of its window of 6×6, and tiles are counted from
/// the first row and column of the result. What is decided here therefore depends on the convolution alone,
/// never on a picture's size or on what is computed beside it: kernels, regions and receptive fields all ask.
package enum WinogradForm {
  /// The side of the tiles of the result.
  package static let tile = 4
  /// With fewer channels in or out, evaluating the windows costs what the multiplications save.
  static let leastChannels = 32
  /// Pairs of channels, of which each takes 36 numbers for its weights instead of 9.
  static let mostChannelPairs = 1 << 19

  /// Bytes of a weight of this shape at the points of its tiles.
  static func evaluatedByteCount(_ weight: Shape) -> Int { weight[0] * weight[1] * 36 * 4 }

  /// Whether a convolution with a constant weight of this shape has the form.
  package static func applies(to convolution: Convolution, weight: Shape) -> Bool {
    weight.rank == 4 && weight[2] == 3 && weight[3] == 3 && convolution.groupCount == 1
      && convolution.strides == [1, 1] && convolution.dilations == [1, 1]
      && convolution.padsBefore.allSatisfy { $0 >= 0 } && min(weight[0], weight[1]) >= leastChannels
      && weight[0] * weight[1] <= mostChannelPairs
  }
}
