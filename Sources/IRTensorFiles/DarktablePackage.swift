import CZlib
import Foundation
import IRFiles

/// darktable's packages of models (`.dtmodel`): a zip archive of a folder, called by the model's id, with
/// `config.json` and networks that take and give tiles `[1, 3, side, side]` float32 in sRGB.
package enum DarktablePackage {
  package static let suffix = "dtmodel"

  /// Tasks of networks that take a picture and give one.
  package enum Task: String, Codable, Sendable { case denoise, upscale }

  /// The content of `config.json`.
  package struct Configuration: Encodable, Sendable {
    package var id: String
    package var name: String
    package var description: String
    package var task: Task
    package var arch: String
    package let backend = "onnx"
    package var inputCount: Int
    package let tiling = true
    /// The first number changes with what goes in and comes out.
    package var version: String
    package var attributes: Attributes
    package var card: Card

    package struct Attributes: Encodable, Sendable {
      /// The sides of tiles that the network takes.
      package var inputSizes: [Int]
      private enum CodingKeys: String, CodingKey { case inputSizes = "input_sizes" }
    }

    /// Shown to the user beside the model.
    package struct Card: Encodable, Sendable {
      package var description: String
      package var scope: String
      package var author: String
      package var paper: String
      package var licence: String
      package var trainingData: String
      package var notes: String

      private enum CodingKeys: String, CodingKey {
        case description = "long_description"
        case scope, author, paper, notes
        case licence = "license"
        case trainingData = "training_data"
      }

      package init(
        description: String, scope: String, author: String, paper: String, licence: String,
        trainingData: String, notes: String
      ) {
        self.description = description
        self.scope = scope
        self.author = author
        self.paper = paper
        self.licence = licence
        self.trainingData = trainingData
        self.notes = notes
      }
    }

    private enum CodingKeys: String, CodingKey {
      case id, name, description, task, arch, backend, tiling, version, attributes
      case inputCount = "num_inputs"
      case card = "model_card"
    }

    package init(
      id: String, name: String, description: String, task: Task, arch: String, inputCount: Int,
      version: String,
      tileSize: Int, card: Card
    ) {
      self.id = id
      self.name = name
      self.description = description
      self.task = task
      self.arch = arch
      self.inputCount = inputCount
      self.version = version
      attributes = Attributes(inputSizes: [tileSize])
      self.card = card
    }
  }

  /// The name of a network's file: `model.onnx`, or `model_x2.onnx` for one that enlarges.
  static func fileName(scale: Int) -> String { scale == 1 ? "model.onnx" : "model_x\(scale).onnx" }

  /// Writes a package; the same network and configuration are the same bytes.
  package static func write(
    _ model: [UInt8], scale: Int, _ configuration: Configuration, to path: String
  ) throws(TensorFileError) {
    guard let text = try? json(configuration) else {
      throw .file(path: path, reason: "its configuration is not JSON")
    }
    try ZipArchive.write(
      [
        StoredMember("\(configuration.id)/config.json", text),
        StoredMember("\(configuration.id)/\(fileName(scale: scale))", model),
      ], to: path)
  }

  /// The list of packages beside them, by which darktable sees new versions and checks what it has fetched.
  package struct Versions: Codable, Sendable {
    package struct Entry: Codable, Sendable {
      package var version: String
      package var sha256: String
      package var size: Int
      package var name: String
      package var description: String
      package var task: String
      package var license: String
    }

    package static let name = "versions.json"
    package var schema = 1
    package var models: [String: Entry] = [:]

    /// Notes a package in the list of its folder.
    package static func note(_ configuration: Configuration, package path: String) throws(TensorFileError) {
      let folder = FilePath(path).folder.text
      let place = folder.isEmpty ? name : "\(folder)/\(name)"
      var versions = Versions()
      if FilePath(place).exists {
        guard let known = try? JSONDecoder().decode(Versions.self, from: contents(of: place)),
          known.schema == versions.schema
        else { throw .malformed(path: place, detail: "not a list of models of schema 1") }
        versions = known
      }
      let bytes = try contents(of: path)
      var digest = SHA256()
      bytes.withUnsafeBytes { digest.update($0) }
      versions.models[configuration.id] = Entry(
        version: configuration.version, sha256: digest.finished(), size: bytes.count,
        name: configuration.name,
        description: configuration.description, task: configuration.task.rawValue,
        license: configuration.card.licence)
      guard let text = try? json(versions) else {
        throw .file(path: place, reason: "it cannot be written as JSON")
      }
      try writeFile(place) { (file) throws(FileError) in try file.write(text) }
    }
  }

  private static func json(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
  }
}
