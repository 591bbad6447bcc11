#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A linear rise over the first steps, the highest rate, then half a cosine down to `floor` at the last step
/// (Loshchilov and Hutter 2017, without restarts). Where the decay is shorter than the run, the rate before
/// it does not depend on the run's length, and a run can be made longer until its decay has begun.
package struct LearningRateSchedule: Hashable, Sendable, Codable {
  package var peak: Double
  package var floor: Double
  package var warmUpStepCount: Int
  package var stepCount: Int
  /// Steps of the decay, the last ones; nil is all after the rise.
  package var decayStepCount: Int?

  package init(
    peak: Double, floor: Double = 1e-7, warmUpStepCount: Int = 0, stepCount: Int, decayStepCount: Int? = nil
  ) {
    self.peak = peak
    self.floor = floor
    self.warmUpStepCount = warmUpStepCount
    self.stepCount = stepCount
    self.decayStepCount = decayStepCount
  }

  /// The rate of a step, counted from 0.
  package func rate(at step: Int) -> Double {
    let length = max(min(stepCount - warmUpStepCount, decayStepCount ?? .max), 1)
    let share = Double(step - (stepCount - length)) / Double(length)
    let rate = step < warmUpStepCount ? peak : Self.decayed(from: peak, to: floor, share: share)
    return Self.warmedUp(rate, at: step, over: warmUpStepCount)
  }

  /// The rate at a step of the linear rise, or after it.
  static func warmedUp(_ rate: Double, at step: Int, over stepCount: Int) -> Double {
    step < stepCount ? rate * Double(step + 1) / Double(stepCount) : rate
  }

  /// The rate when this share of the decay, 0 to 1, is over.
  static func decayed(from peak: Double, to floor: Double, share: Double) -> Double {
    floor + (peak - floor) * 0.5 * (1 + cos(.pi * min(max(share, 0), 1)))
  }

  /// Whether the first `count` steps have the rates of another schedule.
  package func agrees(with other: LearningRateSchedule, upTo count: Int) -> Bool {
    (0..<count).allSatisfy { rate(at: $0) == other.rate(at: $0) }
  }
}
