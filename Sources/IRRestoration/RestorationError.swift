/// The reasons why a model cannot restore an image.
public enum RestorationError: Error, Sendable {
  /// There is neither a file nor a model of this name.
  case unknownModel(name: String, available: [String])
  /// The file has the name of a released model and another content.
  case foreignModel(name: String, path: String)
  /// The file cannot be read.
  case unreadableModel(path: String, reason: String)
  /// The model does not make an image from an image.
  case notARestorer(path: String, detail: String)
  /// The model cannot restore this image.
  case unsuitableImage(detail: String)
  /// The result has samples that are infinite or NaN.
  case nonFiniteResult(count: Int, of: Int)
}
