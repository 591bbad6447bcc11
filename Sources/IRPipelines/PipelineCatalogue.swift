import IRFiles
import ImageRestoration

/// The installed pipelines: folders with `model_index.json` in the folders of models, or one folder below.
package enum PipelineCatalogue {
  /// Paths by the names of their folders.
  package static var pipelines: [String: String] {
    ModelCatalogue.installed().folders.reduce(into: [:]) { found, folder in
      found.merge(pipelines(in: folder)) { first, _ in first }
    }
  }

  static func pipelines(in folder: String) -> [String: String] {
    func folders(_ path: FilePath) -> [FilePath] {
      ((try? Folder.names(in: path)) ?? []).map { path.joined($0) }
    }
    let paths = folders(FilePath(folder)).flatMap { [$0] + folders($0) }
      .filter { PipelineFiles.isPipeline($0.text) }
    return Dictionary(paths.map { ($0.name.text, $0.text) }, uniquingKeysWith: { first, _ in first })
  }

  /// The folder of a pipeline that `name` stands for: itself where it is one, else the installed one; nil for
  /// anything else.
  /// - Throws: `PipelineError.foreign` if irkit released a pipeline of this name with other networks.
  package static func path(of name: String) throws(PipelineError) -> String? {
    if PipelineFiles.isPipeline(name) { return name }
    guard let folder = pipelines[name] else { return nil }
    try verify(folder, isReleased: name, among: ModelCatalogue.releasedFiles)
    return folder
  }

  /// Settings and calibrations are the user's to change; networks are not.
  static func verify(
    _ folder: String, isReleased name: String, among files: [(path: String, digest: String)]
  ) throws(PipelineError) {
    for network in networks(of: name, among: files) {
      let path = "\(folder)/\(network.path)"
      let digest: String
      do { digest = try SHA256.hexadecimal(contentsOf: path) } catch {
        throw .file(path: path, reason: error.reason)
      }
      guard digest == network.digest else { throw .foreign(name: name, path: path) }
    }
  }

  /// Whether the networks in `folder` are those of the released pipeline `name`.
  static func state(
    of folder: String, named name: String, among files: [(path: String, digest: String)]
  ) -> ReleaseState {
    if networks(of: name, among: files).isEmpty { return .unlisted }
    do { try verify(folder, isReleased: name, among: files) } catch { return .changed }
    return .published
  }

  /// The networks of a released pipeline, with their paths in its folder.
  private static func networks(
    of name: String, among files: [(path: String, digest: String)]
  ) -> [(path: String, digest: String)] {
    files.compactMap { file in
      let parts = file.path.split(separator: "/")
      guard parts.count > 2, parts[1] == name, file.path.hasSuffix(".onnx") else { return nil }
      return (parts[2...].joined(separator: "/"), file.digest)
    }
  }
}

/// One of the installed pipelines.
package struct PipelineListing: Encodable, Sendable {
  package var name: String
  package var path: String
  package var parameters: Int?
  /// Bytes of its networks' files.
  package var byteCount: Int?
  /// Whether its networks are the released ones.
  package var state: ReleaseState
  package var components: [String]?
  /// The metric and the number of pictures of its calibration; nil without one.
  package var calibratedBy: String?
  package var calibrationPictures: Int?
  /// Why it cannot restore; nil if it can.
  package var problem: String?

  /// All by name.
  package static var all: [PipelineListing] {
    PipelineCatalogue.pipelines.sorted { $0.key < $1.key }.map { PipelineListing($0.key, $0.value) }
  }

  init(_ name: String, _ path: String) {
    self.name = name
    self.path = path
    state = PipelineCatalogue.state(of: path, named: name, among: ModelCatalogue.releasedFiles)
    do {
      let pipeline = try RestorationPipeline(contentsOf: path)
      let parts = [pipeline.encoder, pipeline.unet, pipeline.decoder]
      parameters = parts.reduce(0) { $0 + $1.parameterCount }
      byteCount = parts.reduce(0) { $0 + pipeline.files.byteCount(of: $1.name) }
      components = pipeline.components.map(\.rawValue)
      let calibration = try PipelineCalibration.of(pipeline.files)
      (calibratedBy, calibrationPictures) = (calibration?.by, calibration?.pictures)
    } catch { problem = "\(error)" }
  }

  package var text: String {
    if let problem { return "\(name): a pipeline that cannot restore\n  \(problem)" }
    var lines = [
      "\(name): a pipeline, composes \((components ?? []).joined(separator: ", "))",
      "  \(parameters ?? 0) parameters, \(byteCount ?? 0) bytes, \(state.text)",
    ]
    if let calibratedBy {
      lines.append("  calibrated by \(calibratedBy) on \(calibrationPictures ?? 0) pictures")
    }
    return lines.joined(separator: "\n")
  }
}
