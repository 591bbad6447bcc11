import IRInference
import ImageRestoration

/// Errors of models as clients see them: a model has its name there, and no file of the server's a path.
enum ModelErrors {
  /// - Throws: what `body` throws, with a model's name in the place of its file's path.
  static func naming<R>(_ name: String, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as RestorationError { throw error.naming(name) } catch let error
      as ONNXError
    { throw error.naming(name) }
  }

  /// A reason without the folder of a file.
  fileprivate static func hiding(_ path: String, in reason: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return reason }
    return reason.replacing(path[..<slash], with: "…")
  }
}

extension RestorationError {
  fileprivate func naming(_ name: String) -> RestorationError {
    switch self {
    case .foreignModel(let own, _): .foreignModel(name: own, path: name)
    case .unreadableModel(let path, let reason):
      .unreadableModel(path: name, reason: ModelErrors.hiding(path, in: reason))
    case .notARestorer(_, let detail): .notARestorer(path: name, detail: detail)
    // The name was known: a link leads nowhere, or the file went meanwhile.
    case .unknownModel: .unreadableModel(path: name, reason: "its file is gone")
    case .unsuitableImage, .nonFiniteResult: self
    }
  }
}

extension ONNXError {
  fileprivate func naming(_ name: String) -> ONNXError {
    switch self {
    case .file(let path, let reason): .file(path: name, reason: ModelErrors.hiding(path, in: reason))
    case .notAModel(_, let reason): .notAModel(path: name, reason: reason)
    case .externalData(let path, let tensor, let reason):
      .externalData(path: name, tensor: tensor, reason: ModelErrors.hiding(path, in: reason))
    case .unsupported(_, let problems): .unsupported(path: name, problems)
    case .tensor, .unboundValues, .unboundDimensions, .notSerializable, .notExpressible: self
    }
  }
}
