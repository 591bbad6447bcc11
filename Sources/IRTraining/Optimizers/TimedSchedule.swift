/// The learning rate of a run that ends by the clock: a linear rise over the first steps, the highest rate,
/// then half a cosine down to `floor` over the last `decaySeconds`. How many steps such a run makes depends
/// on the machine.
package struct TimedSchedule: Hashable, Sendable, Codable {
  package var peak: Double
  package var floor: Double
  package var warmUpStepCount: Int
  /// The length of the run.
  package var seconds: Double
  /// nil decays over the whole run.
  package var decaySeconds: Double?

  package init(
    peak: Double, floor: Double = 1e-7, warmUpStepCount: Int = 0, seconds: Double, decaySeconds: Double? = nil
  ) {
    self.peak = peak
    self.floor = floor
    self.warmUpStepCount = warmUpStepCount
    self.seconds = seconds
    self.decaySeconds = decaySeconds
  }

  /// The rate of a step, counted from 0, that begins `elapsed` seconds after the run.
  package func rate(at step: Int, after elapsed: Double) -> Double {
    let length = min(decaySeconds ?? seconds, seconds)
    let share = (elapsed - (seconds - length)) / length
    let rate = LearningRateSchedule.decayed(from: peak, to: floor, share: share)
    return LearningRateSchedule.warmedUp(rate, at: step, over: warmUpStepCount)
  }
}
