import Foundation
import IRDiffusion
import IRFiles
import IRImage
import IRModels
import IRQuality
import IRTensor

/// The scores of one picture's search, as a line of JSON for scripts.
package struct SearchScores: Encodable, Sendable {
  package var file: String
  package var method: String
  package var by: String
  package var lowerIsBetter: Bool
  package var best: String
  /// Of the best one, and of the part of the picture that was searched on.
  package var score: Double?
  package var inputScore: Double?
  package var candidates: [String]
  /// In the candidates' order; null where one has none.
  package var scores: [Double?]
  package var passes: Int
  /// `PictureFeatures`; nil for a picture that has none.
  package var features: [Float]?

  package init(file: String, _ image: Image, _ found: PipelineSearch.Result, _ search: PipelineSearch) {
    self.file = file
    (method, by) = (search.method.rawValue, search.objective.name)
    lowerIsBetter = search.objective.isBetterWhenLower
    (best, score, inputScore) = ("\(found.best)", found.score, found.inputScore)
    candidates = found.scores.map { "\($0.composition)" }
    scores = found.scores.map(\.score)
    passes = found.passCount
    features = try? PictureFeatures.of(image)
  }
}

extension Composition {
  /// The compositions of a file, one a line; empty lines and those that begin with # are passed over.
  /// - Throws: `PipelineError.file` with the line's number.
  package static func list(contentsOf path: String) throws -> [Composition] {
    let byteCountLimit = 1 << 24
    guard let bytes = try? FilePath(path).contents(atMost: byteCountLimit),
      let text = String(validating: bytes, as: UTF8.self)
    else {
      throw PipelineError.file(path: path, reason: "is not a text of at most \(byteCountLimit) bytes")
    }
    var result: [Composition] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let entry = line.trimmingCharacters(in: .whitespaces)
      if entry.isEmpty || entry.hasPrefix("#") { continue }
      do { result.append(try Composition(entry)) } catch {
        throw PipelineError.file(path: path, reason: "line \(number + 1): \(error)")
      }
    }
    return result
  }
}

extension PipelineFiles {
  /// The digest of all that a result depends on: the settings and every file of the parts, by their names.
  /// - Throws: `FileError`.
  package func digest() throws -> String {
    var digest = SHA256()
    var paths = ["model_index.json", "scheduler/scheduler_config.json"]
    for part in ["unet", "vae_encoder", "vae_decoder", "text_encoder"] {
      let names = (try? Folder.names(in: FilePath("\(folder)/\(part)"))) ?? []
      paths += names.filter { $0.suffix != "json" && !$0.isHidden }.map { "\(part)/\($0)" }
    }
    for path in paths {
      digest.update("\(path)\n".utf8)
      try digest.update(contentsOf: "\(folder)/\(path)")
    }
    return digest.finished()
  }

  /// The digest of what a search chooses by, where the folder has it: the calibration, the forest, the small
  /// decoder.
  /// - Throws: `FileError`.
  package func searchDigest() throws -> String {
    var digest = SHA256()
    for path in [
      PipelineCalibration.fileName, "forest/model.onnx", "\(TinyAutoencoderDecoder.name)/model.onnx",
    ] where FilePath("\(folder)/\(path)").exists {
      digest.update("\(path)\n".utf8)
      try digest.update(contentsOf: "\(folder)/\(path)")
    }
    return digest.finished()
  }
}
