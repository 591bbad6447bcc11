/// A restored picture, the plan by which it was made, and warnings about suspicious changes.
public struct RestorationResult: Sendable {
  /// Sides times the model's scale, everything else as the input; values are not clipped. Grey where the
  /// model makes one channel of colour: a mask, a depth.
  public var image: Image
  public var plan: RestorationPlan
  /// Empty if nothing is suspicious.
  public var warnings: [RestorationWarning]
  /// The noise level that the model was told; nil where it takes none.
  public var noise: NoiseLevel?
  /// Nil unless the settings ask for it.
  public var profile: RestorationProfile?
}
