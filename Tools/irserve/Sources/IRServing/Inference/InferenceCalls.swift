import Foundation
import IRInference
import IRRequests
import ImageRestoration

/// A model as the Open Inference Protocol describes it.
struct InferenceModel: Sendable {
  struct Port: Sendable {
    var name: String
    var datatype: String
    /// -1 for sizes that differ from request to request.
    var shape: [Int]

    init(_ port: InferencePort) {
      name = port.name
      datatype = ElementType(rawValue: port.elementType)?.inferenceName ?? "BYTES"
      shape = (port.extents ?? []).map { $0 ?? -1 }
    }
  }

  /// The version of every model: files have none.
  static let version = "1"
  static let platform = "onnx_irkit"

  var name: String
  var inputs: [Port]
  var outputs: [Port]
}

/// A model of the repository, and whether it is loaded.
struct StoredModel: Sendable {
  var name: String
  var isLoaded: Bool
  /// Empty where it is loaded.
  var reason: String

  var state: String { isLoaded ? "READY" : "UNAVAILABLE" }
}

/// The calls of the Open Inference Protocol, for HTTP and gRPC alike.
extension IRServer {
  static let inferenceExtensions = ["binary_tensor_data", "model_repository"]

  /// The file's name behind a model's name; a version may be left open.
  /// - Throws: `ServingError` for models and versions that are not there.
  func modelName(_ text: String, version: String?) throws -> String {
    let name = try store.known(text)
    if let version, version != InferenceModel.version {
      throw ServingError(.notFound, "\(name) has the version \(InferenceModel.version) alone")
    }
    return name
  }

  /// Whether requests may use a model that is known.
  func isReady(_ name: String) -> Bool { store.isAvailable(name) && queue.isTaking }

  /// Names that requests may use, roles included.
  var availableNames: [String] {
    store.names.filter { name in (try? store.known(name)).map(store.isAvailable) ?? false }
  }

  func model(_ name: String, for caller: some Caller) async throws -> InferenceModel {
    try await work(caller) { [store] control in
      let network = try store.network(name, control).model
      return InferenceModel(
        name: name, inputs: network.inputs.map(InferenceModel.Port.init),
        outputs: network.outputs.map(InferenceModel.Port.init))
    }
  }

  var storedModels: [StoredModel] {
    let loaded = store.loadedNames
    return store.files.map { name in
      let isLoaded = loaded.contains(name)
      return StoredModel(
        name: name, isLoaded: isLoaded,
        reason: isLoaded ? "" : store.isAvailable(name) ? "loaded when it is asked for" : "unloaded")
    }
  }

  func load(_ name: String, for caller: some Caller) async throws {
    try await work(caller) { [store] control in try store.load(name, control) }
  }

  /// The most bytes of a request that become more while they are read: JSON, and a message's fields.
  var grownByteLimit: Int { waiting.limit / InferenceMessage.growth / 2 }

  /// Runs a model. A request of `byteCount` bytes is read, and its answer written, in the request's turn;
  /// `place` is held until then, however long the answer takes to be read. `growing` counts the bytes that
  /// grow while they are read.
  /// - Throws: `ServingError`, the errors of models and pictures, `Control.End`.
  func infer<R: Sendable>(
    _ name: String, for caller: some Caller, _ place: WaitingBytes.Place, of byteCount: Int, growing: Int,
    read: @escaping @Sendable () throws -> (message: InferenceMessage, binary: [Int: Data]),
    write: @escaping @Sendable (InferenceAnswer) throws -> R
  ) async throws -> R {
    guard growing <= grownByteLimit else {
      throw ServingError(
        .contentTooLarge,
        "the request has \(growing) bytes of JSON or fields, of \(grownByteLimit) that are taken: send tensors as "
          + "binary data")
    }
    // Tensors are copied out of the request.
    guard place.grow(to: 2 * byteCount + InferenceMessage.growth * growing) else { throw waiting.noPlace }
    let restoration = Restoration(settings: settings, store: store, ledger: ledger, computing: computing)
    return try await work(caller) { [waiting] control in
      defer { place.release() }
      let (message, binary) = try read()
      return try InferenceRun(
        model: name, message: message, binary: binary, restoration: restoration, waiting: waiting
      ).run(control, write)
    }
  }
}
