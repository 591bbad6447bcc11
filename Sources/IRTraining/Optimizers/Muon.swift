import IRTensor

/// Momentum whose singular values are made alike (Muon; Jordan et al. 2024), for weights that are matrices
/// between features; AdamW moves the others.
///
/// A step is as long as AdamW's: entries of 0.2 times the learning rate in the root mean square (Liu et al.
/// 2025, equation 4), so that both use one rate and one decay.
package struct Muon: Hashable, Sendable, Codable {
  /// How much of the momentum stays at each step.
  package var momentum: Double
  /// Decoupled, as AdamW's.
  package var weightDecay: Double

  package init(momentum: Double = 0.95, weightDecay: Double = 0) {
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  /// Fewer features than these on either side are colours, levels or heads; AdamW moves such weights.
  private static let fewestFeatures = 8

  /// Whether a weight `[features, features, …]` is a matrix between features.
  static func moves(_ type: TensorType) -> Bool {
    type.shape.rank >= 2 && type.shape[0] >= fewestFeatures && type.shape[1] >= fewestFeatures
  }

  /// The momentum after a gradient, and Nesterov's look ahead from it; the gradient is multiplied by `scale`
  /// first.
  /// - Precondition: all buffers are of one length.
  func average(
    _ gradient: UnsafeBufferPointer<Float>, into mean: UnsafeMutableBufferPointer<Float>,
    ahead: UnsafeMutableBufferPointer<Float>, scale: Double
  ) {
    precondition(mean.count == gradient.count && ahead.count == gradient.count)
    let (kept, added, gradientScale) = (Float(momentum), Float(1 - momentum), Float(scale))
    for i in 0..<gradient.count {
      let g = gradient[i] * gradientScale
      let m = kept * mean[i] + added * g
      mean[i] = m
      ahead[i] = kept * m + added * g
    }
  }

  /// Moves a parameter against a direction of `MatrixDirections`.
  func move(
    _ parameter: UnsafeMutableBufferPointer<Float>, against direction: UnsafeBufferPointer<Float>,
    learningRate: Double
  ) {
    precondition(direction.count == parameter.count)
    let (kept, rate) = (Float(1 - learningRate * weightDecay), Float(learningRate))
    for i in 0..<parameter.count { parameter[i] = kept * parameter[i] - rate * direction[i] }
  }
}
