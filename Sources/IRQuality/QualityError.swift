/// Why a picture has no score.
package enum QualityError: Error, Hashable, Sendable {
  /// A picture that is too small, or without any structure.
  case picture(String)
  /// Numbers that do not make a model of natural pictures.
  case model(String)
}
