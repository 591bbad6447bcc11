import Foundation
import IRDiffusion
import IRFiles
import IRModels
import IRONNX

/// A folder in the layout of diffusers' ONNX pipelines: `model_index.json`, a folder with `model.onnx` for
/// each part, and the scheduler's settings.
package struct PipelineFiles: Sendable {
  package let folder: String
  package let scheduler: SchedulerConfiguration
  /// The factor from the autoencoder's latents to those that the UNet sees.
  package let scalingFactor: Double
  /// The same for the picture's latents.
  package let conditionFactor: Double
  /// The number of each component's prompt, for the components whose text the pipeline has.
  package let prompts: [Component: Int]

  /// The most bytes of a file of settings.
  private static let byteCountLimit = 1 << 26

  private struct Index: Decodable {
    var className: String?
    var scalingFactor: Double?
    var conditionFactor: Double?
    var prompts: [String]?

    enum CodingKeys: String, CodingKey {
      case prompts
      case className = "_class_name"
      case scalingFactor = "scaling_factor"
      case conditionFactor = "condition_scaling_factor"
    }
  }

  /// Whether a path is a folder with `model_index.json`.
  package static func isPipeline(_ path: String) -> Bool {
    FilePath("\(path)/model_index.json").exists
  }

  /// Reads the index and the scheduler's settings.
  /// - Throws: `PipelineError` naming the file.
  package init(_ folder: String) throws {
    self.folder = folder
    let index = try Self.read(Index.self, "\(folder)/model_index.json")
    let path = "\(folder)/scheduler/scheduler_config.json"
    scheduler = try Self.read(SchedulerConfiguration.self, path)
    do { _ = try NoiseSchedule(scheduler) } catch {
      throw PipelineError.file(path: path, reason: "\(error)")
    }
    scalingFactor = index.scalingFactor ?? 0.18215
    // InstructPix2Pix is shown the picture's latents as they are.
    let isUnscaled = index.className?.contains("InstructPix2Pix") ?? false
    conditionFactor = index.conditionFactor ?? (isUnscaled ? 1 : scalingFactor)
    let texts = index.prompts ?? TaskPrompts.texts
    prompts = Dictionary(
      uniqueKeysWithValues: Component.allCases.compactMap { component in
        texts.firstIndex(of: TaskPrompts.texts[component.prompt]).map { (component, $0) }
      })
    for factor in [scalingFactor, conditionFactor] where !(factor > 0 && factor.isFinite) {
      throw PipelineError.file(path: "\(folder)/model_index.json", reason: "a scaling factor of \(factor)")
    }
  }

  /// The file of a part.
  package func path(of part: String) -> String { "\(folder)/\(part)/model.onnx" }

  /// Bytes of the files of a part.
  func byteCount(of part: String) -> Int {
    let folder = FilePath("\(folder)/\(part)")
    let names = (try? Folder.names(in: folder)) ?? []
    return names.reduce(0) { $0 + (folder.joined($1).byteCount ?? 0) }
  }

  /// The components of the paper that the pipeline has texts for, in the order of `Component.six`.
  package var components: [Component] { Component.six.filter { prompts[$0] != nil } }

  /// - Throws: `PipelineError.file` if the part is missing, `ONNXError`.
  func model(_ part: String) throws -> ONNXModel {
    let path = path(of: part)
    guard FilePath(path).exists else {
      throw PipelineError.file(path: path, reason: "the part is missing")
    }
    return try ONNXModel(contentsOf: path)
  }

  func has(_ part: String) -> Bool { FilePath(path(of: part)).exists }

  static func read<Value: Decodable>(_: Value.Type, _ path: String) throws -> Value {
    guard FilePath(path).exists else { throw PipelineError.file(path: path, reason: "is missing") }
    guard let bytes = try? FilePath(path).contents(atMost: byteCountLimit) else {
      throw PipelineError.file(path: path, reason: "cannot be read, or is over \(byteCountLimit) bytes")
    }
    do { return try JSONDecoder().decode(Value.self, from: Data(bytes)) } catch {
      guard case DecodingError.dataCorrupted(let context)? = error as? DecodingError else {
        throw PipelineError.file(path: path, reason: "is not what diffusers write: \(error)")
      }
      let place = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw PipelineError.file(path: path, reason: "\(place): \(context.debugDescription)")
    }
  }
}
