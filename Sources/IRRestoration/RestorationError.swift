/// Why a model cannot restore an image.
public enum RestorationError: Error, Sendable {
  /// No model of this name, and no file.
  case unknownModel(name: String, available: [String])
  /// The file of a model of ours is not the one that was released.
  case foreignModel(name: String, path: String)
  case unreadableModel(path: String, reason: String)
  /// The model does not take one image and give one.
  case notARestorer(path: String, detail: String)
  /// The model works, but not on this image.
  case unsuitableImage(detail: String)
  /// The model's result for this image holds infinite samples or such that are not numbers.
  case nonFiniteResult(count: Int, of: Int)
}
