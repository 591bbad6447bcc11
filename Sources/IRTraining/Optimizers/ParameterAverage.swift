/// An exponential moving average of weights (Polyak and Juditsky 1992; as EMA everywhere).
package struct ParameterAverage: Hashable, Sendable, Codable {
  /// The share of the old average that stays; 0.999 remembers about a thousand steps.
  package var decay: Double

  package init(decay: Double) { self.decay = decay }

  /// The share that stays at a step counted from 1: less at the beginning, so that the first weights, which
  /// are far from the last, are soon forgotten.
  package func decay(at step: Int) -> Double { min(decay, Double(step) / Double(step + 9)) }

  static func update(
    _ average: UnsafeMutableBufferPointer<Float>, with values: UnsafeBufferPointer<Float>, decay: Double
  ) {
    let share = Float(1 - decay)
    for i in 0..<average.count { average[i] += share * (values[i] - average[i]) }
  }
}
