import Foundation
import GRPCCore
import IRRequests
import ImageRestoration
import NIOHPACK
import SwiftProtobuf

/// The Open Inference Protocol, version 2, over gRPC.
extension IRServer {
  private static let serviceName = "inference.GRPCInferenceService"
  private static let service = ServiceDescriptor(fullyQualifiedService: serviceName)
  /// The path of the call whose message has tensors.
  private static let inferencePath = "/\(serviceName)/ModelInfer"
  /// Paths of calls that show nothing of anybody.
  private static let open: Set<String> = ["/\(serviceName)/ServerLive", "/\(serviceName)/ServerReady"]
  /// Bytes of a message without tensors.
  private static let smallMessageByteCount = 1 << 16

  func addInference<Transport: ServerTransport>(to router: inout RPCRouter<Transport>) {
    add("ServerLive", to: &router) { (_: Inference_ServerLiveRequest, _) in
      Inference_ServerLiveResponse.with { $0.live = true }
    }
    add("ServerReady", to: &router) { [queue] (_: Inference_ServerReadyRequest, _) in
      Inference_ServerReadyResponse.with { $0.ready = queue.isTaking }
    }
    add("ModelReady", to: &router) { [self] (request: Inference_ModelReadyRequest, _) in
      let isReady = isReady(try modelName(request.name, version: Self.stated(request.version)))
      return Inference_ModelReadyResponse.with { $0.ready = isReady }
    }
    add("ServerMetadata", to: &router) { (_: Inference_ServerMetadataRequest, _) in
      Inference_ServerMetadataResponse.with {
        ($0.name, $0.version, $0.extensions) = ("irserve", LibraryVersion.number, Self.inferenceExtensions)
      }
    }
    add("ModelMetadata", to: &router) { [self] (request: Inference_ModelMetadataRequest, stream) in
      let name = try modelName(request.name, version: Self.stated(request.version))
      let model = try await model(name, for: stream)
      return Inference_ModelMetadataResponse.with {
        ($0.name, $0.versions, $0.platform) = (model.name, [InferenceModel.version], InferenceModel.platform)
        ($0.inputs, $0.outputs) = (model.inputs.map(Self.port), model.outputs.map(Self.port))
      }
    }
    add("RepositoryIndex", to: &router) { [self] (request: Inference_RepositoryIndexRequest, _) in
      let models = storedModels.filter { $0.isLoaded || !request.ready }
      return Inference_RepositoryIndexResponse.with {
        $0.models = models.map { model in
          .with {
            ($0.name, $0.version) = (model.name, InferenceModel.version)
            ($0.state, $0.reason) = (model.state, model.reason)
          }
        }
      }
    }
    add("RepositoryModelLoad", to: &router) {
      [self] (request: Inference_RepositoryModelLoadRequest, stream) in
      try await load(try modelName(request.modelName, version: nil), for: stream)
      return Inference_RepositoryModelLoadResponse()
    }
    add("RepositoryModelUnload", to: &router) { [self] (request: Inference_RepositoryModelUnloadRequest, _) in
      try store.unload(try modelName(request.modelName, version: nil))
      return Inference_RepositoryModelUnloadResponse()
    }
    addCall("ModelInfer", to: &router) { [self] bytes, stream in try await infer(bytes, stream) }
  }

  private static func stated(_ version: String) -> String? { version.isEmpty ? nil : version }

  private static func port(_ port: InferenceModel.Port) -> Inference_ModelMetadataResponse.TensorMetadata {
    .with { ($0.name, $0.datatype, $0.shape) = (port.name, port.datatype, port.shape.map { Int64($0) }) }
  }

  private func infer(_ bytes: Data, _ stream: GRPCStream) async throws -> Data {
    let wire = try InferenceWire(bytes)
    let name = try modelName(wire.modelName, version: Self.stated(wire.modelVersion))
    return try await infer(
      name, for: stream, stream.place, of: bytes.count, growing: wire.growingByteCount
    ) {
      try InferenceMessage.read(message: bytes)
    } write: { [waiting] answer in
      let bytes = try answer.message().serializedData()
      stream.hold(waiting.result(2 * bytes.count))
      return bytes
    }
  }

  // MARK: Calls

  /// A call of small messages.
  private func add<Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message, Transport: ServerTransport>(
    _ method: String, to router: inout RPCRouter<Transport>,
    _ body: @escaping @Sendable (Input, GRPCStream) async throws -> Output
  ) {
    addCall(method, to: &router) { bytes, stream in
      guard let input = try? Input(serializedBytes: bytes) else { throw InferenceWire.broken }
      return try await body(input, stream).serializedData()
    }
  }

  private func addCall<Transport: ServerTransport>(
    _ method: String, to router: inout RPCRouter<Transport>,
    _ body: @escaping @Sendable (Data, GRPCStream) async throws -> Data
  ) {
    let descriptor = MethodDescriptor(service: Self.service, method: method, type: .unary)
    router.registerHandler(
      forMethod: descriptor, deserializer: GRPCBytes(), serializer: GRPCBytes()
    ) { [self] request, _ in
      let start = ContinuousClock.now
      let stream = GRPCStream.of(request.metadata)
      var entry = RequestNote(
        method: "GRPC", path: "/\(descriptor.fullyQualifiedMethod)",
        route: "/\(descriptor.fullyQualifiedMethod)")
      do {
        guard let stream else { throw Control.End.left }
        let bytes = try await ServerRequest(stream: request).message
        entry.received = "\(bytes.count)"
        let answer = try await body(bytes, stream)
        (entry.status, entry.sent) = ("OK", "\(answer.count)")
        entry.write(logger, seconds: start.duration(to: .now).seconds)
        return StreamingServerResponse(single: ServerResponse(message: answer))
      } catch {
        let failure = stream?.refusal ?? ServingError.of(error)
        (entry.status, entry.sentence) = ("\(failure.code)", failure.sentence)
        entry.write(logger, seconds: start.duration(to: .now).seconds)
        return StreamingServerResponse(error: RPCError(code: failure.code, message: failure.sentence))
      }
    }
  }

  /// Why a call is refused by its headers alone; nil where its message may come. As the gate of HTTP:
  /// programs with the token where there is one, and no pages; no picture without a place in the queue.
  func refusal(of path: String, _ headers: HPACKHeaders) -> ServingError? {
    guard headers.first(name: "origin") == nil else {
      return ServingError(.forbidden, "a page asks: gRPC is for programs")
    }
    if let token = settings.token, !Self.open.contains(path),
      !Gate.equals(headers.first(name: "authorization") ?? "", "Bearer \(token)")
    {
      return ServingError(.unauthorized, "the token is missing or another one (authorization: Bearer)")
    }
    return path == Self.inferencePath ? fullness : nil
  }

  /// The most bytes of a call's message, and the refusal of more.
  func messageLimit(of path: String) -> (byteCount: Int, refusal: ServingError) {
    guard path != Self.inferencePath else {
      return (settings.takenBodyByteCount, .bodyTooLarge(settings.takenBodyByteCount))
    }
    let limit = Self.smallMessageByteCount
    return (
      limit,
      ServingError(.contentTooLarge, "the message has more than \(limit) bytes, the most without tensors")
    )
  }
}

/// Messages as their bytes: they are read in their turn.
private struct GRPCBytes: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: Data) throws -> Bytes { Bytes(message) }

  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Data {
    bytes.withUnsafeBytes { Data($0) }
  }
}
