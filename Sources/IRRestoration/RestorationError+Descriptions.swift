extension RestorationError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownModel(let name, let available):
      let known =
        available.isEmpty ? "no models were found" : "models are \(available.joined(separator: ", "))"
      return "\(name): no such file or model; \(known)"
    case .foreignModel(let name, let path):
      return "\(path): not the model \(name) that was released with this version (its SHA-256 differs); "
        + "state its path to use it all the same"
    case .unreadableModel(let path, let reason): return "\(path): \(reason)"
    case .notARestorer(let path, let detail): return "\(path): not an image restorer: \(detail)"
    case .unsuitableImage(let detail): return detail
    case .nonFiniteResult(let count, let total):
      return "\(count) of \(total) samples of the result are infinite or not numbers: nothing is written"
    }
  }
}
