import Foundation
import IRDiffusion
import IRFiles
import IRModels
import IRTensorFiles

/// A JSON file as a value.
enum JSONFile {
  /// The most bytes of a file of settings.
  private static let byteCountLimit = 1 << 26

  static func read<Value: Decodable>(_: Value.Type, _ path: String) throws -> Value {
    guard let bytes = try? FilePath(path).contents(atMost: byteCountLimit) else {
      throw TensorFileError.file(path: path, reason: "cannot be read, or is over \(byteCountLimit) bytes")
    }
    do { return try JSONDecoder().decode(Value.self, from: Data(bytes)) } catch let error as DecodingError {
      throw ModelError.configuration("\(path): \(NetworkSource.text(error))")
    } catch let error as ModelError { throw ModelError.configuration("\(path): \(error)") }
  }
}

/// A model as diffusers saves it: a folder for each part, with `config.json` and weights.
struct DiffusersFolder {
  let path: String

  init(_ path: String) { self.path = path }

  func configuration<C: NetworkConfiguration>(_: C.Type, _ part: String) throws -> C {
    try JSONFile.read(C.self, "\(path)/\(part)/config.json")
  }

  func scheduler() throws -> SchedulerConfiguration {
    try JSONFile.read(SchedulerConfiguration.self, "\(path)/scheduler/scheduler_config.json")
  }

  /// The token that the tokenizer fills texts with; nil if the folder does not say.
  func padding() throws -> TaskPrompts.Padding? {
    struct Tokenizer: Decodable {
      var padToken: String?

      enum CodingKeys: String, CodingKey { case padToken = "pad_token" }

      init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        // Older files describe the token.
        struct Token: Decodable { var content: String }
        padToken =
          (try? container.decode(String.self, forKey: .padToken))
          ?? (try? container.decode(Token.self, forKey: .padToken))?.content
      }
    }
    let file = "\(path)/tokenizer/tokenizer_config.json"
    guard FilePath(file).exists else { return nil }
    return try JSONFile.read(Tokenizer.self, file).padToken.map { $0 == "!" ? .zero : .end }
  }

  /// The weights of a part: one file, or several with an index; whole precision before half.
  func weights(_ part: String, _ bases: String...) throws -> [NamedWeight] {
    let folder = "\(path)/\(part)"
    let endings = [
      ".safetensors", ".safetensors.index.json", ".fp16.safetensors", ".safetensors.index.fp16.json", ".bin",
      ".bin.index.json", ".fp16.bin",
    ]
    let candidates = endings.flatMap { ending in bases.map { $0 + ending } }
    guard let name = candidates.first(where: { FilePath("\(folder)/\($0)").exists })
    else {
      throw TensorFileError.file(
        path: folder, reason: "holds no weights: none of \(candidates.joined(separator: ", ")) is there")
    }
    let files = name.hasSuffix(".json") ? try shards("\(folder)/\(name)") : [name]
    return try files.flatMap { file in
      try TensorFile.readWeights("\(folder)/\(file)").map { (name: $0.name, tensor: $0.tensor) }
    }
  }

  /// The files that an index names, which lie beside it.
  private func shards(_ index: String) throws -> [String] {
    struct Index: Decodable {
      var weightMap: [String: String]
      enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
    }
    let names = Set(try JSONFile.read(Index.self, index).weightMap.values).sorted()
    for name in names where name.contains("/") || name.hasPrefix(".") {
      throw TensorFileError.malformed(path: index, detail: "\(name) must be the name of a file beside it")
    }
    guard !names.isEmpty, names.count <= 1000 else {
      throw TensorFileError.malformed(path: index, detail: "names \(names.count) files, must be 1 to 1000")
    }
    return names
  }
}
