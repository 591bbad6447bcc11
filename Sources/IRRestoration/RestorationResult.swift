/// A restored image, the plan that made it, and warnings about suspicious changes.
public struct RestorationResult: Sendable {
  /// The restored image: sides times the model's scale, metadata and sample format of the input; values are
  /// not clipped. It is grey if the model makes one channel of three, such as a mask or a depth.
  public var image: Image
  public var plan: RestorationPlan
  /// Empty if nothing is suspicious.
  public var warnings: [RestorationWarning]
  /// The noise level that the model was given; nil if it takes none.
  public var noise: NoiseLevel?
  /// Nil unless `RestorationSettings.isProfiled`.
  public var profile: RestorationProfile?
}
