#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adam (Kingma and Ba 2015), with weight decay either decoupled (AdamW, Loshchilov and Hutter 2019) or added
/// to the gradient, as PyTorch's `AdamW` and `Adam` have it.
package struct AdamW: Hashable, Sendable, Codable {
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double
  /// False is Adam with L2 regularization.
  package var isDecoupled: Bool

  package init(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    isDecoupled: Bool = true
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.isDecoupled = isDecoupled
  }

  /// One parameter's step, the number `step` from 1 on; the gradient is multiplied by `scale` first, as
  /// clipping asks for.
  /// - Precondition: all buffers are of one length.
  func update(
    _ parameter: UnsafeMutableBufferPointer<Float>, gradient: UnsafeBufferPointer<Float>,
    first: UnsafeMutableBufferPointer<Float>, second: UnsafeMutableBufferPointer<Float>, step: Int,
    learningRate: Double, scale: Double
  ) {
    precondition(
      gradient.count == parameter.count && first.count == parameter.count
        && second.count == parameter.count)
    let correction1 = 1 - pow(beta1, Double(step))
    let correction2 = (1 - pow(beta2, Double(step))).squareRoot()
    let (b1, b2, gradientScale) = (Float(beta1), Float(beta2), Float(scale))
    let rate = Float(learningRate / correction1)
    let (root, small) = (Float(1 / correction2), Float(epsilon))
    let kept = isDecoupled ? Float(1 - learningRate * weightDecay) : 1
    let added = isDecoupled ? 0 : Float(weightDecay)
    for i in 0..<parameter.count {
      let g = gradient[i] * gradientScale + added * parameter[i]
      let m = b1 * first[i] + (1 - b1) * g
      let v = b2 * second[i] + (1 - b2) * (g * g)
      first[i] = m
      second[i] = v
      parameter[i] = kept * parameter[i] - rate * m / (v.squareRoot() * root + small)
    }
  }
}
