import Foundation
import IRFiles
import IRONNX
import IRRestorers
import IRTensor
import ImageRestoration

/// One of the installed models: its task, licence and size, and whether the file is the published one.
package struct ModelListing: Encodable {
  package var name: String
  /// Names by what the model does.
  package var roles: [String]
  package var path: String
  package var task: String?
  package var licence: String?
  /// Elements of the weights.
  package var parameters: Int
  package var byteCount: Int
  package var sha256: String
  /// Whether `SHA256SUMS` of this version has the file's digest, no digest for its name, or another.
  package var state: ReleaseState

  /// All models by name.
  /// - Throws: `RestorationError.unknownModel` if there are none, `ONNXError` and `FileError` for a file.
  package static func all() throws -> [ModelListing] {
    let models = ModelCatalogue.models
    guard !models.isEmpty else { throw RestorationError.unknownModel(name: "Models", available: []) }
    return try models.sorted { $0.key < $1.key }.map { name, path in
      try ModelListing(name, path, published: ModelCatalogue.releasedDigests[name])
    }
  }

  private init(_ name: String, _ path: String, published: String?) throws {
    let model = try ONNXModel(contentsOf: path)
    let metadata = RestorerMetadata(model)
    // Weights, not the lists of integers that shapes are computed with.
    let weights = model.graph.initializers.filter { weight in
      (ElementType(rawValue: weight.dataType)?.isFloatingPoint ?? false) && !weight.dims.isEmpty
    }
    self.name = name
    self.path = path
    roles = ModelCatalogue.roles.filter { $0.value == name }.keys.sorted()
    (task, licence) = (metadata.task, metadata.licence)
    parameters = weights.reduce(0) { $0 + ((try? $1.tensor().type.shape.elementCount) ?? 0) }
    byteCount = FilePath(path).byteCount ?? 0
    let digest = try SHA256.hexadecimal(contentsOf: path)
    sha256 = digest
    state = published.map { $0 == digest ? .published : .changed } ?? .unlisted
  }

  package var text: String {
    let title = ([name] + roles).joined(separator: ", ")
    return """
      \(title): \(task ?? "task not stated")
        \(parameters) parameters, \(byteCount) bytes, sha256 \(sha256.prefix(16))…, \(state.text)
        licence: \(licence ?? "not stated")
      """
  }
}
