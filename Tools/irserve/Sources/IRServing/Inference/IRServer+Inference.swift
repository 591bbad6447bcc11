import Foundation
import HTTPTypes
import Hummingbird
import IRInference
import IRRequests
import ImageRestoration
import NIOCore

extension HTTPField.Name {
  /// Bytes of JSON before the bytes of binary tensors.
  static let inferenceHeaderLength = Self("Inference-Header-Content-Length") ?? .server
}

/// The Open Inference Protocol, version 2, over HTTP.
extension IRServer {
  private struct Live: Encodable { var live = true }
  private struct Ready: Encodable {
    var name: String?
    var ready: Bool
  }
  private struct Server: Encodable {
    var name = "irserve"
    var version = LibraryVersion.number
    var extensions = IRServer.inferenceExtensions
  }
  private struct Names: Encodable { var models: [String] }
  private struct Model: Encodable {
    struct Port: Encodable {
      var name: String
      var datatype: String
      var shape: [Int]

      init(_ port: InferenceModel.Port) { (name, datatype, shape) = (port.name, port.datatype, port.shape) }
    }

    var name: String
    var versions = [InferenceModel.version]
    var platform = InferenceModel.platform
    var inputs: [Port]
    var outputs: [Port]
  }
  private struct Stored: Encodable {
    var name: String
    var version = InferenceModel.version
    var state: String
    var reason: String
  }

  func addInference(to router: Router<ServingContext>) {
    router.get("v2/health/live") { _, _ in try Answers.json(Live()) }
    router.get("v2/health/ready") { [self] _, _ in try ready() }
    router.get("v2") { _, _ in try Answers.json(Server()) }
    router.get("v2/models") { [self] _, _ in try Answers.json(Names(models: availableNames)) }
    for path in ["v2/models/:model", "v2/models/:model/versions/:version"] {
      router.get(RouterPath(path)) { [self] _, context in try await metadata(context) }
      router.get(RouterPath("\(path)/ready")) { [self] _, context in try modelReady(context) }
      router.post(RouterPath("\(path)/infer")) { [self] request, context in try await infer(request, context)
      }
    }
    router.post("v2/repository/index") { [self] request, context in
      _ = try await body(request, context)
      return try Answers.json(
        storedModels.map { Stored(name: $0.name, state: $0.state, reason: $0.reason) })
    }
    router.post("v2/repository/models/:model/load") { [self] request, context in
      let name = try modelName(context)
      _ = try await body(request, context)
      try await load(name, for: context)
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
    return try modelName(
      text.removingPercentEncoding ?? text, version: context.parameters.get("version"))
  }

  private func modelReady(_ context: ServingContext) throws -> Response {
    let name = try modelName(context)
    let isReady = isReady(name)
    return try Answers.json(Ready(name: name, ready: isReady), status: isReady ? .ok : .serviceUnavailable)
  }

  private func metadata(_ context: ServingContext) async throws -> Response {
    let model = try await model(try modelName(context), for: context)
    return try Answers.json(
      Model(
        name: model.name, inputs: model.inputs.map(Model.Port.init),
        outputs: model.outputs.map(Model.Port.init)))
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
    let answer = try await infer(name, for: context, body.place, of: body.bytes.count, growing: jsonLength) {
      try InferenceMessage.read(body.bytes, headerLength: headerLength)
    } write: {
      try $0.bytes()
    }
    var response = Response(
      status: .ok,
      headers: [.contentType: answer.headerLength == nil ? "application/json" : "application/octet-stream"],
      body: written(answer.bytes, context))
    if let length = answer.headerLength { response.headers[.inferenceHeaderLength] = "\(length)" }
    return response
  }
}
