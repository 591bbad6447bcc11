import IRRuntime
import IRTensor

/// How a step moves weights: the optimizer with its numbers for this step, and the average.
struct WeightUpdate {
  var optimizer: AdamW
  var step: Int
  var rate: Double
  /// The factor of gradients, as clipping asks for.
  var scale: Double
  /// The share of the average that stays; nil keeps none.
  var averageDecay: Double?
  /// The share of a follower that stays.
  var followerDecay: Double

  init(_ options: Trainer.Options, step: Int, rate: Double, scale: Double) {
    optimizer = options.optimizer
    self.step = step
    self.rate = rate
    self.scale = scale
    averageDecay = options.average?.decay(at: step)
    followerDecay = options.followerDecay
  }
}

extension TrainingState {
  /// Moves weights, moments and averages, in one pass over them: threads take pieces. `followers` move
  /// to their leaders and take no gradient.
  /// - Precondition: `gradients` are in the order of the names.
  mutating func update(
    with gradients: [Tensor], _ update: WeightUpdate, _ followers: [(follower: Int, leader: Int)],
    threadCount: Int
  ) {
    let following = Set(followers.map(\.follower))
    func pointers(_ tensors: inout [Tensor]) -> [UnsafeMutableBufferPointer<Float>] {
      tensors.indices.map { index in tensors[index].withFloats { $0 } }
    }
    let weights = pointers(&values)
    let (firsts, seconds) = (pointers(&firstMoments), pointers(&secondMoments))
    let means = update.averageDecay == nil ? [] : pointers(&averages)
    let pieces = TensorPiece.all(of: gradients.map(\.elementCount))
    parallelFor(pieces.count, threadCount: threadCount) { index, _ in
      let (tensor, range) = (pieces[index].tensor, pieces[index].range)
      guard !following.contains(tensor) else { return }
      func part(_ buffers: [UnsafeMutableBufferPointer<Float>]) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(rebasing: buffers[tensor][range])
      }
      gradients[tensor].withElements(as: Float.self) { gradient in
        update.optimizer.update(
          part(weights), gradient: UnsafeBufferPointer(rebasing: gradient[range]), first: part(firsts),
          second: part(seconds), step: update.step, learningRate: update.rate, scale: update.scale)
      }
      if let decay = update.averageDecay {
        ParameterAverage.update(part(means), with: UnsafeBufferPointer(part(weights)), decay: decay)
      }
    }
    // Leaders have moved; none of them follows.
    for (follower, leader) in followers {
      ParameterAverage.update(
        weights[follower], with: UnsafeBufferPointer(weights[leader]), decay: update.followerDecay)
      if let decay = update.averageDecay {
        ParameterAverage.update(means[follower], with: UnsafeBufferPointer(weights[follower]), decay: decay)
      }
    }
    withExtendedLifetime(self) {}
  }
}
