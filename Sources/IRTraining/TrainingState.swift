import IRTensor

/// All that a run is at a step: weights, what the optimizer remembers, the average.
package struct TrainingState: Sendable {
  /// Steps done.
  package var step: Int
  package var names: [String]
  /// Per name: the weight, the means of its gradient and of the gradient's square, the average weight.
  package var values: [Tensor]
  package var firstMoments: [Tensor]
  package var secondMoments: [Tensor]
  package var averages: [Tensor]
  /// The sum of losses since the last report, which resumed runs report the same.
  package var runningLoss: Double

  /// The state before the first step.
  package init(names: [String], values: [Tensor]) {
    step = 0
    self.names = names
    self.values = values.map { Tensor(copyOf: $0) }
    firstMoments = values.map { Tensor(zeros: $0.type) }
    secondMoments = firstMoments.map { Tensor(copyOf: $0) }
    averages = values.map { Tensor(copyOf: $0) }
    runningLoss = 0
  }
}

extension Tensor {
  /// The same values in memory of its own.
  init(copyOf tensor: Tensor) {
    self.init(tensor.type) { bytes in tensor.withUnsafeBytes { bytes.copyMemory(from: $0) } }
  }

  /// The elements, for writing.
  /// - Precondition: float32.
  mutating func withFloats<R>(_ body: (UnsafeMutableBufferPointer<Float>) -> R) -> R {
    precondition(elementType == .float32)
    return withUnsafeMutableBytes { body($0.bindMemory(to: Float.self)) }
  }
}
