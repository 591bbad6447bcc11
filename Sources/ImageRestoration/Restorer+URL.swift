import Foundation

extension Restorer {
  /// Reads a model file.
  /// - Throws: as `init(model:)`; `RestorationError.unreadableModel` if the URL is not a file URL.
  public convenience init(
    contentsOf url: URL, options: RuntimeOptions = RuntimeOptions(),
    settings: RestorationSettings = RestorationSettings()
  ) throws {
    try self.init(model: try modelPath(url), options: options, settings: settings)
  }
}

extension SharedRestorer {
  /// Reads a model file.
  /// - Throws: as `init(model:)`; `RestorationError.unreadableModel` if the URL is not a file URL.
  public convenience init(
    contentsOf url: URL, options: RuntimeOptions = RuntimeOptions(),
    settings: RestorationSettings = RestorationSettings()
  ) throws {
    try self.init(model: try modelPath(url), options: options, settings: settings)
  }
}

/// The absolute path of a file; a model's name is never absolute.
private func modelPath(_ url: URL) throws(RestorationError) -> String {
  guard url.isFileURL else {
    throw .unreadableModel(path: url.absoluteString, reason: "not a file URL")
  }
  return url.absoluteURL.path
}
