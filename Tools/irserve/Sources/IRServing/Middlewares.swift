import Foundation
import HTTPTypes
import Hummingbird
import IRRequests
import Logging
import Metrics

/// Errors as sentences in JSON, a line of the access log, and the counts of requests.
struct RequestLog: RouterMiddleware {
  typealias Context = ServingContext

  private static let methods: Set<HTTPRequest.Method> = [.get, .head, .post, .delete, .put, .options, .patch]

  func handle(
    _ request: Request, context: ServingContext,
    next: (Request, ServingContext) async throws -> Response
  ) async throws -> Response {
    let start = ContinuousClock.now
    var response: Response
    var sentence: String?
    do { response = try await next(request, context) } catch {
      let failure = Self.failure(error, request)
      sentence = failure.sentence
      response = Answers.failure(failure)
    }
    response.headers[.xContentTypeOptions] = "nosniff"
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    note(request, context, response, sentence, start.duration(to: .now).seconds)
    return response
  }

  static func failure(_ error: any Error, _ request: Request) -> ServingError {
    switch error {
    case let error as HTTPError where error.status == .notFound:
      return ServingError(
        .notFound, "\(RestoreRequest.shown(request.uri.path)): no such page; /openapi.json lists them")
    case let error as any HTTPResponseError:
      return ServingError(error.status, error.status.reasonPhrase.lowercased())
    default: return ServingError.of(error)
    }
  }

  private func note(
    _ request: Request, _ context: ServingContext, _ response: Response, _ sentence: String?,
    _ seconds: Double
  ) {
    var entry = RequestNote(
      method: request.method.rawValue, path: request.uri.path, route: context.endpointPath ?? "NotFound",
      countedMethod: Self.methods.contains(request.method) ? request.method.rawValue : "OTHER")
    (entry.status, entry.sentence) = ("\(response.status.code)", sentence)
    entry.received = request.headers[.contentLength]
    entry.sent = response.body.contentLength.map { "\($0)" }
    entry.write(context.logger, seconds: seconds)
  }
}

/// Lets those through who may ask: with the token where there is one, and from no page of another site.
package struct Gate: RouterMiddleware {
  package typealias Context = ServingContext

  let token: String?
  /// Whether the server is for programs and pages of this machine alone.
  let isLocal: Bool
  /// Paths that show nothing of anybody.
  static let open: Set<String> = ["/", "/health", "/ready", "/v2/health/live", "/v2/health/ready"]

  package func handle(
    _ request: Request, context: ServingContext,
    next: (Request, ServingContext) async throws -> Response
  ) async throws -> Response {
    if let origin = request.headers[.origin], !Self.isOwn(origin, request.head.authority, isLocal: isLocal) {
      throw refusal(.forbidden, "a page of another site asks: this server answers its own page and programs")
    }
    if let token, !Self.open.contains(request.uri.path) {
      let shown = request.headers[.authorization] ?? ""
      guard Self.equals(shown, "Bearer \(token)") else {
        throw refusal(.unauthorized, "the token is missing or another one (Authorization: Bearer)")
      }
    }
    return try await next(request, context)
  }

  private func refusal(_ status: HTTPResponse.Status, _ sentence: String) -> ServingError {
    var error = ServingError(status, sentence)
    error.endsConnection = true
    return error
  }

  /// Whether a page's origin names the host that it asks; `isLocal`, by a name of this machine: any other
  /// name may be that of a site which was pointed here.
  package static func isOwn(_ origin: String, _ authority: String?, isLocal: Bool = false) -> Bool {
    guard let authority, let mark = origin.range(of: "://") else { return false }
    let named = origin[mark.upperBound...].lowercased()
    guard named == authority.lowercased() else { return false }
    let name = named.replacing(/:[0-9]*$/, with: "")
    return !isLocal || ["localhost", "127.0.0.1", "[::1]"].contains(name)
  }

  /// Compares all bytes, however soon they differ.
  package static func equals(_ a: String, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
