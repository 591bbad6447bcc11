import IROperators
import IRTensor

/// Which convolutions are computed by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, "Fast
/// Algorithms for Convolutional Neural Networks", 2016): a quarter of the multiplications.
///
/// The results of a tile are rounded together, from all of its window, and tiles are counted from the first
/// row and column of the result. The choice therefore depends on the convolution alone, never on an image's
/// size or on what is computed beside it: kernels, regions and receptive fields all ask here.
package struct WinogradForm: Hashable, Sendable {
  /// The side of the tiles of the result, of the kernel, and of the windows' points.
  package let tile, kernel, rowPoints: Int

  /// With fewer channels in or out, transforming the windows costs what the multiplications save.
  private static let leastChannels = 32
  /// Pairs of channels, of which each takes a number for each point instead of each place of the kernel. Of
  /// more of them, weights are evaluated at the points as a run needs them.
  private static let mostKeptChannelPairs = 1 << 19

  package init(tile: Int, rowPoints: Int) {
    self.tile = tile
    self.rowPoints = rowPoints
    kernel = rowPoints - tile + 1
  }

  /// Bytes of a weight of this shape at the points of its tiles.
  package func transformedByteCount(_ weight: Shape) -> Int {
    weight[0] * weight[1] * rowPoints * rowPoints * 4
  }

  /// Whether a convolution with a constant weight of this shape has the form.
  package func applies(to convolution: Convolution, weight: Shape) -> Bool {
    weight.rank == 4 && weight[2] == kernel && weight[3] == kernel && convolution.groupCount == 1
      && convolution.strides == [1, 1] && convolution.dilations == [1, 1]
      && convolution.padsBefore.allSatisfy { $0 >= 0 } && min(weight[0], weight[1]) >= Self.leastChannels
  }

  /// Whether the values of a weight of this shape at the points are too many to be kept.
  package func isStreamed(_ weight: Shape) -> Bool { weight[0] * weight[1] > Self.mostKeptChannelPairs }
}
