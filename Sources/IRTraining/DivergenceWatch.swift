/// Notices that the loss of a run rises instead of falling, before it becomes NaN.
package struct DivergenceWatch: Sendable {
  /// A mean loss above the least one by this factor is suspicious.
  package static let limit = 2.0

  private var least = Double.infinity

  package init() {}

  /// Takes the mean loss of some steps.
  /// - Returns: the least mean so far where the new one is suspicious.
  package mutating func suspicious(_ mean: Double) -> Double? {
    guard mean.isFinite else { return least }
    if mean > Self.limit * least { return least }
    least = min(least, mean)
    return nil
  }
}
