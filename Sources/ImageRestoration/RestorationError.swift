/// Why a model cannot restore an image.
public enum RestorationError: Error, Sendable {
  /// No model of this name, and no file.
  case unknownModel(name: String, available: [String])
  /// The model does not take one image and give one.
  case notARestorer(path: String, detail: String)
  /// The model works, but not on this image.
  case unsuitableImage(detail: String)
  /// The model's result for this image holds infinite samples or such that are not numbers.
  case nonFiniteResult(count: Int, of: Int)
}
