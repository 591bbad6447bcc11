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
  /// Moves weights, moments and averages, in one pass over them: threads take pieces. Those of `matrices`
  /// are moved by Muon, in a second pass. `followers` move to their leaders and take no gradient.
  /// - Throws: `TrainingError.runtime` if the matrices' directions can't be computed; the state is then of no
  ///   use.
  /// - Precondition: `gradients` are in the order of the names.
  mutating func update(
    with gradients: [Tensor], _ update: WeightUpdate, _ followers: [(follower: Int, leader: Int)],
    matrices: MatrixDirections?, threadCount: Int
  ) throws(TrainingError) {
    func pointers(_ tensors: inout [Tensor]) -> [UnsafeMutableBufferPointer<Float>] {
      tensors.indices.map { index in tensors[index].withFloats { $0 } }
    }
    let weights = pointers(&values)
    let (firsts, seconds) = (pointers(&firstMoments), pointers(&secondMoments))
    let means = update.averageDecay == nil ? [] : pointers(&averages)
    let pieces = TensorPiece.all(of: gradients.map(\.elementCount))
    let indices = matrices?.indices ?? []
    var momenta = indices.map { Tensor(zeros: gradients[$0].type) }
    let ahead = Dictionary(uniqueKeysWithValues: zip(indices, pointers(&momenta)))
    let following = Set(followers.map(\.follower))
    func average(_ tensor: Int, _ range: Range<Int>) {
      guard let decay = update.averageDecay else { return }
      ParameterAverage.update(
        UnsafeMutableBufferPointer(rebasing: means[tensor][range]),
        with: UnsafeBufferPointer(rebasing: weights[tensor][range]), decay: decay)
    }
    parallelFor(pieces.count, threadCount: threadCount) { index, _ in
      let (tensor, range) = (pieces[index].tensor, pieces[index].range)
      guard !following.contains(tensor) else { return }
      func part(_ buffers: [UnsafeMutableBufferPointer<Float>]) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(rebasing: buffers[tensor][range])
      }
      gradients[tensor].withElements(as: Float.self) { gradient in
        let gradient = UnsafeBufferPointer(rebasing: gradient[range])
        if let matrices, let ahead = ahead[tensor] {
          matrices.muon.average(
            gradient, into: part(firsts), ahead: UnsafeMutableBufferPointer(rebasing: ahead[range]),
            scale: update.scale)
        } else {
          update.optimizer.update(
            part(weights), gradient: gradient, first: part(firsts), second: part(seconds),
            step: update.step, learningRate: update.rate, scale: update.scale)
          average(tensor, range)
        }
      }
    }
    if let matrices {
      try matrices.withDirections(of: momenta) { directions in
        let direction = Dictionary(uniqueKeysWithValues: zip(indices, directions))
        parallelFor(pieces.count, threadCount: threadCount) { index, _ in
          let (tensor, range) = (pieces[index].tensor, pieces[index].range)
          guard let start = direction[tensor] else { return }
          matrices.muon.move(
            UnsafeMutableBufferPointer(rebasing: weights[tensor][range]),
            against: UnsafeBufferPointer(start: start + range.lowerBound, count: range.count),
            learningRate: update.rate)
          average(tensor, range)
        }
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
