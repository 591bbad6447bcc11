/// A restored picture, how it was made, and what is suspicious about it.
public struct RestorationResult: Sendable {
  /// Sides times the model's scale, everything else as the input; values are not clipped.
  public var image: Image
  public var plan: RestorationPlan
  /// Empty if nothing is suspicious.
  public var warnings: [RestorationWarning]
}
