import IRTensor

extension TrainingState {
  /// One step of the optimizer, by gradients in the order of the weights, multiplied by `scale`. Weights that
  /// are `isLeft` stay.
  mutating func advance(
    _ gradients: [Tensor], _ optimizer: AdamW, rate: Double, scale: Double, isLeft: [Bool]
  ) {
    step += 1
    let number = step
    // Out of the state while they change, so that nobody else holds them and nothing is copied.
    var (values, firsts, seconds) = (self.values, firstMoments, secondMoments)
    (self.values, firstMoments, secondMoments) = ([], [], [])
    defer { (self.values, firstMoments, secondMoments) = (values, firsts, seconds) }
    for index in gradients.indices where !isLeft[index] {
      gradients[index].withElements(as: Float.self) { gradient in
        values[index].withFloats { value in
          firsts[index].withFloats { first in
            seconds[index].withFloats { second in
              optimizer.update(
                value, gradient: gradient, first: first, second: second, step: number, learningRate: rate,
                scale: scale)
            }
          }
        }
      }
    }
  }

  /// Moves one weight towards another one: an average of it, of which `decay` stays.
  mutating func follow(_ leader: Int, by follower: Int, decay: Double) {
    let leading = values[leader]
    leading.withElements(as: Float.self) { leader in
      values[follower].withFloats { ParameterAverage.update($0, with: leader, decay: decay) }
    }
  }

  /// Moves the averages towards the weights, after a step.
  mutating func updateAverages(_ average: ParameterAverage) {
    let decay = average.decay(at: step)
    var averages = self.averages
    self.averages = []
    defer { self.averages = averages }
    for index in values.indices {
      values[index].withElements(as: Float.self) { source in
        averages[index].withFloats { ParameterAverage.update($0, with: source, decay: decay) }
      }
    }
  }

  /// The Euclidean norm of all gradients together, but those of weights that are `isLeft`.
  static func norm(_ gradients: [Tensor], isLeft: [Bool]) -> Double {
    var square = 0.0
    for (index, gradient) in gradients.enumerated() where !isLeft[index] { square += sumOfSquares(gradient) }
    return square.squareRoot()
  }

  private static func sumOfSquares(_ tensor: Tensor) -> Double {
    tensor.withElements(as: Float.self) { values in
      var sums = (0.0, 0.0, 0.0, 0.0)
      var i = 0
      while i + 4 <= values.count {
        sums.0 += Double(values[i]) * Double(values[i])
        sums.1 += Double(values[i + 1]) * Double(values[i + 1])
        sums.2 += Double(values[i + 2]) * Double(values[i + 2])
        sums.3 += Double(values[i + 3]) * Double(values[i + 3])
        i += 4
      }
      while i < values.count {
        sums.0 += Double(values[i]) * Double(values[i])
        i += 1
      }
      return (sums.0 + sums.1) + (sums.2 + sums.3)
    }
  }
}
