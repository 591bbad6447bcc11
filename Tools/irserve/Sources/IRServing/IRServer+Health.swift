import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension IRServer {
  private struct Live: Encodable {
    var live = true
  }

  private struct Ready: Encodable {
    var ready: Bool
  }

  private struct Models: Encodable {
    struct Model: Encodable {
      var name: String
      var loaded: Bool
    }

    var models: [Model]
  }

  /// The state of the server, its metrics, and what it can be asked.
  func addHealth(to router: Router<ServingContext>) {
    router.get("health") { _, _ in try Answers.json(Live()) }
    router.get("ready") { [self] _, _ in try ready() }
    router.get("metrics") { [metrics] _, _ in
      Response(
        status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text)))
    }
    router.get("openapi.json") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_json)))
    }
    router.get("models") { [store] _, _ in
      let loaded = store.loadedNames
      return try Answers.json(
        Models(
          models: store.names.map { name in
            Models.Model(name: name, loaded: ((try? store.known(name)).map { loaded.contains($0) }) ?? false)
          }))
    }
  }

  /// Ready while it takes requests: not once it is asked to end.
  func ready() throws -> Response {
    let isReady = queue.isTaking
    return try Answers.json(Ready(ready: isReady), status: isReady ? .ok : .serviceUnavailable)
  }
}
