import Foundation

extension Restorer {
  /// Reads the model of a file.
  /// - Throws: as `init(model:)`; `RestorationError.unreadableModel` where the URL is not that of a file.
  public convenience init(
    contentsOf url: URL, options: RuntimeOptions = RuntimeOptions(),
    settings: RestorationSettings = RestorationSettings()
  ) throws {
    try self.init(model: try modelPath(url), options: options, settings: settings)
  }
}

extension SharedRestorer {
  /// Reads the model of a file.
  /// - Throws: as `init(model:)`; `RestorationError.unreadableModel` where the URL is not that of a file.
  public convenience init(
    contentsOf url: URL, options: RuntimeOptions = RuntimeOptions(),
    settings: RestorationSettings = RestorationSettings()
  ) throws {
    try self.init(model: try modelPath(url), options: options, settings: settings)
  }
}

/// The absolute path of a file, which no name of a model is.
private func modelPath(_ url: URL) throws(RestorationError) -> String {
  guard url.isFileURL else {
    throw .unreadableModel(path: url.absoluteString, reason: "it is not the URL of a file")
  }
  return url.absoluteURL.path
}
