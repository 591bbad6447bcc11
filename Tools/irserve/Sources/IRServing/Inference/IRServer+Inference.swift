import Foundation
import HTTPTypes
import Hummingbird
import IRInference
import ImageRestoration
import NIOCore

extension HTTPField.Name {
  /// Bytes of JSON before the bytes of binary tensors.
  static let inferenceHeaderLength = Self("Inference-Header-Content-Length") ?? .server
}

/// The Open Inference Protocol, version 2, over HTTP.
extension IRServer {
  private static let version = "1"

  private struct Live: Encodable { var live = true }
  private struct Ready: Encodable {
    var name: String?
    var ready: Bool
  }
  private struct Server: Encodable {
    var name = "irserve"
    var version: String
    var extensions = ["binary_tensor_data", "model_repository"]
  }
  private struct Names: Encodable { var models: [String] }
  private struct Model: Encodable {
    struct Port: Encodable {
      var name: String
      var datatype: String
      var shape: [Int]
    }

    var name: String
    var versions = [IRServer.version]
    var platform = "onnx_irkit"
    var inputs: [Port]
    var outputs: [Port]
  }
  private struct Stored: Encodable {
    var name: String
    var version = IRServer.version
    var state: String
    var reason = ""
  }

  func addInference(to router: Router<ServingContext>) {
    router.get("v2/health/live") { _, _ in try Answers.json(Live()) }
    router.get("v2/health/ready") { [self] _, _ in try ready() }
    router.get("v2") { _, _ in try Answers.json(Server(version: LibraryVersion.number)) }
    router.get("v2/models") { [store] _, _ in
      try Answers.json(
        Names(models: store.names.filter { name in (try? store.known(name)).map(store.isAvailable) ?? false })
      )
    }
    for path in ["v2/models/:model", "v2/models/:model/versions/:version"] {
      router.get(RouterPath(path)) { [self] _, context in try await metadata(context) }
      router.get(RouterPath("\(path)/ready")) { [self] _, context in try modelReady(context) }
      router.post(RouterPath("\(path)/infer")) { [self] request, context in try await infer(request, context)
      }
    }
    router.post("v2/repository/index") { [self] request, context in
      _ = try await body(request, context)
      let loaded = store.loadedNames
      return try Answers.json(
        store.files.map {
          Stored(
            name: $0, state: loaded.contains($0) ? "READY" : "UNAVAILABLE",
            reason: loaded.contains($0)
              ? "" : store.isAvailable($0) ? "loaded when it is asked for" : "unloaded")
        })
    }
    router.post("v2/repository/models/:model/load") { [self] request, context in
      let name = try modelName(context)
      _ = try await body(request, context)
      try await work(context) { [store] control in try store.load(name, control) }
      return try Answers.json([String: String]())
    }
    router.post("v2/repository/models/:model/unload") { [self] request, context in
      let name = try modelName(context)
      _ = try await body(request, context)
      try store.unload(name)
      return try Answers.json([String: String]())
    }
  }

  /// The file's name behind the model of a path.
  /// - Throws: `ServingError` for models and versions that are not there.
  private func modelName(_ context: ServingContext) throws -> String {
    let text = context.parameters.get("model") ?? ""
    let name = try store.known(text.removingPercentEncoding ?? text)
    if let version = context.parameters.get("version"), version != Self.version {
      throw ServingError(.notFound, "\(name) has the version \(Self.version) alone")
    }
    return name
  }

  private func modelReady(_ context: ServingContext) throws -> Response {
    let name = try modelName(context)
    let isReady = store.isAvailable(name) && queue.isTaking
    return try Answers.json(Ready(name: name, ready: isReady), status: isReady ? .ok : .serviceUnavailable)
  }

  private func metadata(_ context: ServingContext) async throws -> Response {
    let name = try modelName(context)
    let model = try await work(context) { [store] control in
      let network = try store.network(name, control).model
      return Model(
        name: name, inputs: network.inputs.map(Self.port), outputs: network.outputs.map(Self.port))
    }
    return try Answers.json(model)
  }

  private static func port(_ port: InferencePort) -> Model.Port {
    Model.Port(
      name: port.name, datatype: ElementType(rawValue: port.elementType)?.inferenceName ?? "BYTES",
      shape: (port.extents ?? []).map { $0 ?? -1 })
  }

  private func infer(_ request: Request, _ context: ServingContext) async throws -> Response {
    let (name, headerLength) = try refusing {
      var length: Int?
      if let text = request.headers[.inferenceHeaderLength] {
        guard let number = Int(text), number >= 0 else {
          throw ServingError.badRequest("Inference-Header-Content-Length is not a number of bytes")
        }
        length = number
      }
      return (try modelName(context), length)
    }
    let body = try await body(request, context)
    let jsonLength = min(headerLength ?? body.bytes.count, body.bytes.count)
    let limit = waiting.limit / InferenceMessage.growth / 2
    guard jsonLength <= limit else {
      throw ServingError(
        .contentTooLarge,
        "the request has \(jsonLength) bytes of JSON, of \(limit) that are taken: send tensors as binary data"
      )
    }
    // Tensors are copied out of the body, and numbers of JSON grow.
    guard body.place.grow(to: 2 * body.bytes.count + InferenceMessage.growth * jsonLength) else {
      throw ServingError.busy("bodies that wait may take \(waiting.limit) bytes together, and they do")
    }
    let restoration = Restoration(settings: settings, store: store, ledger: ledger, computing: computing)
    let answer = try await work(context) { [waiting] control in
      // The body has its place until it is computed.
      try withExtendedLifetime(body.place) {
        let (message, binary) = try InferenceMessage.read(body.bytes, headerLength: headerLength)
        let run = InferenceRun(
          model: name, message: message, binary: binary, restoration: restoration, waiting: waiting)
        return try run.run(control)
      }
    }
    var response = Response(
      status: .ok,
      headers: [.contentType: answer.headerLength == nil ? "application/json" : "application/octet-stream"],
      body: written(answer.bytes))
    if let length = answer.headerLength { response.headers[.inferenceHeaderLength] = "\(length)" }
    return response
  }
}
