/// Why a model cannot restore an image.
public enum RestorationError: Error, Sendable {
  /// No model of this name, and no file.
  case unknownModel(name: String, available: [String])
  /// The model does not take one image and give one.
  case notARestorer(path: String, detail: String)
}

extension RestorationError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownModel(let name, let available):
      let known = available.isEmpty ? "no models were found" : "models are \(available.joined(separator: ", "))"
      return "\(name): no such file or model; \(known)"
    case .notARestorer(let path, let detail): return "\(path): not an image restorer: \(detail)"
    }
  }
}
