#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A linear rise over the first steps, then half a cosine down to `floor` at the last one (Loshchilov and
/// Hutter 2017, without restarts).
public struct LearningRateSchedule: Hashable, Sendable, Codable {
  public var peak: Double
  public var floor: Double
  public var warmUpStepCount: Int
  public var stepCount: Int

  public init(peak: Double, floor: Double = 1e-7, warmUpStepCount: Int = 0, stepCount: Int) {
    self.peak = peak
    self.floor = floor
    self.warmUpStepCount = warmUpStepCount
    self.stepCount = stepCount
  }

  /// The rate of a step, counted from 0.
  public func rate(at step: Int) -> Double {
    if step < warmUpStepCount { return peak * Double(step + 1) / Double(warmUpStepCount) }
    let length = max(stepCount - warmUpStepCount, 1)
    let share = min(Double(step - warmUpStepCount) / Double(length), 1)
    return floor + (peak - floor) * 0.5 * (1 + cos(.pi * share))
  }
}
