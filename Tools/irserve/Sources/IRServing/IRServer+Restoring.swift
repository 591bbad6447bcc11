import Foundation
import HTTPTypes
import Hummingbird
import IRRequests
import ImageRestoration
import Metrics
import NIOCore

extension HTTPField.Name {
  /// How the picture was restored, as JSON.
  static let report = Self("Irkit-Report") ?? .server
}

extension IRServer {
  /// Pictures in, pictures and opinions out, and how far they are.
  func addRestoring(to router: Router<ServingContext>) {
    router.post("restore") { [self] request, context in try await restore(request, context) }
    router.post("explain") { [self] request, context in try await explain(request, context) }
    router.get("progress/:page") { [self] _, context in try progress(context) }
  }

  private struct Report: Encodable {
    var model: String
    var plan: String
    var width: Int
    var height: Int
    var seconds: [String: Double]
    var warnings: [RestorationWarning]
    var notes: [String]
  }

  private func restore(_ request: Request, _ context: ServingContext) async throws -> Response {
    let (picture, wish, place) = try await picture(request, context) { try RestoreRequest($0) }
    let result = try await work(context, wish.listener) {
      [settings, store, ledger, computing, listeners] control in
      // The body has its place until it is restored.
      try withExtendedLifetime(place) {
        try Restoration(settings: settings, store: store, ledger: ledger, computing: computing) {
          listeners.tell(wish.listener, $0, $0 == .writing ? 1 : 0)
        }.run(picture, wish, control)
      }
    }
    return try answer(result, context)
  }

  private func explain(_ request: Request, _ context: ServingContext) async throws -> Response {
    let (picture, wish, place) = try await picture(request, context) { try ExplainRequest($0) }
    let result = try await work(context) { [settings, store, ledger, computing] control in
      try withExtendedLifetime(place) {
        try Examination(settings: settings, store: store, ledger: ledger, computing: computing).run(
          picture, wish, control)
      }
    }
    return try Answers.json(result)
  }

  /// Runs work for a client that may leave, within the time of a request.
  func work<R: Sendable>(
    _ caller: some Caller, _ listener: RestoreRequest.Listener? = nil,
    _ body: @escaping @Sendable (Control) throws -> R
  ) async throws -> R {
    let control = Control(deadline: caller.deadline(within: settings.timeout)) { [listeners] share in
      listeners.tell(listener, .restoring, share)
    }
    caller.whenGone { [queue] in queue.finish(control, .left) }
    defer { caller.whenGone(nil) }
    listeners.tell(listener, .waiting, 0)
    return try await queue.run(control) { try body(control) }
  }

  /// Why no more work is taken; nil where it is.
  var fullness: ServingError? {
    queue.hasPlace
      ? nil
      : .busy(
        queue.isTaking
          ? "\(queue.length) pictures are restored or wait for it, and more have no place (--queue)"
          : "the server is about to end")
  }

  /// The body of a request while its client has time for it.
  func body(_ request: Request, _ context: ServingContext) async throws -> BodyReader.Body {
    if let fullness { throw fullness }
    let control = Control(deadline: context.deadline(within: settings.timeout))
    // A sender that is too slow is waited for no longer.
    let timer = Task { [channel = context.channel] in
      try await Task.sleep(until: control.deadline, clock: .continuous)
      channel.close(promise: nil)
    }
    defer { timer.cancel() }
    return try await BodyReader(limit: settings.takenBodyByteCount, waiting: waiting).body(
      of: request, context, control)
  }

  /// The picture of a request and what is asked for: the body and the query, or the parts of a form.
  private func picture<Wish>(
    _ request: Request, _ context: ServingContext, _ wish: ([(name: String, value: String)]) throws -> Wish
  ) async throws -> (Data, Wish, WaitingBytes.Place) {
    var parameters = request.uri.queryParameters.map { (name: String($0.key), value: String($0.value)) }
    // A query that cannot be taken is refused before its body comes.
    _ = try refusing { try wish(parameters) }
    let body = try await body(request, context)
    guard let type = request.headers[.contentType], let boundary = Multipart.boundary(of: type) else {
      return (body.bytes, try wish(parameters), body.place)
    }
    guard body.place.grow(to: 2 * body.bytes.count) else {
      throw waiting.noPlace
    }
    var picture: Data?
    for part in try Multipart.parts(of: body.bytes, boundary: boundary) {
      if part.fileName != nil {
        guard picture == nil else {
          throw ServingError.badRequest("the form has two files: send one a request")
        }
        picture = part.bytes
      } else {
        guard part.bytes.count <= Multipart.fieldByteLimit else {
          throw ServingError.badRequest("a field of the form has more than \(Multipart.fieldByteLimit) bytes")
        }
        parameters.append((part.name, String(decoding: part.bytes, as: UTF8.self)))
      }
    }
    guard let picture else { throw ServingError.badRequest("the form has no file: a picture is expected") }
    return (picture, try wish(parameters), body.place)
  }

  /// Ends the connection with a refusal, since the body is not read.
  func refusing<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch var error as ServingError {
      error.endsConnection = true
      throw error
    }
  }

  private func answer(_ result: Restoration.Result, _ context: ServingContext) throws -> Response {
    func rounded(_ seconds: Double) -> Double { (seconds * 1e4).rounded() / 1e4 }
    var report = Report(
      model: result.model, plan: result.plan, width: result.width, height: result.height,
      seconds: [
        "reading": rounded(result.seconds.reading), "restoring": rounded(result.seconds.restoring),
        "writing": rounded(result.seconds.writing),
      ], warnings: result.warnings, notes: result.notes.map { String($0.prefix(300)) })
    Metrics.Timer(label: "irserve_restoration_seconds", dimensions: [("model", result.model)]).record(
      result.seconds.restoring)
    var text = try Answers.text(report)
    if text.utf8.count > 6000 {
      (report.warnings, report.notes) = ([], ["\(result.warnings.count) warnings are too long for a header"])
      text = try Answers.text(report)
    }
    return Response(
      status: .ok,
      headers: [.contentType: Answers.mediaType(result.suffix), .report: text],
      body: written(ByteBuffer(bytes: result.bytes), context))
  }

  /// Bytes on their way to a client; they hold their place until they are sent.
  func written(_ bytes: ByteBuffer, _ context: ServingContext) -> ResponseBody {
    let place = waiting.result(bytes.readableBytes)
    return ResponseBody(contentLength: bytes.readableBytes) { writer in
      defer { withExtendedLifetime(place) {} }
      var rest = bytes
      while let part = rest.readSlice(length: min(rest.readableBytes, 1 << 18)), part.readableBytes > 0 {
        try await writer.write(part)
      }
      try await writer.finish(nil)
      try await context.channel.triggerUserOutboundEvent(SentEvent()).get()
    }
  }

  /// The time between two lines to a page that has no event.
  private static let beat = Duration.seconds(5)

  private func progress(_ context: ServingContext) throws -> Response {
    let page = try RestoreRequest.token("page", context.parameters.get("page") ?? "")
    let (events, ticket) = try listeners.events(of: page)
    context.connection?.whenGone { [listeners] in listeners.leave(ticket) }
    return Response(
      status: .ok, headers: [.contentType: "text/event-stream"],
      body: ResponseBody { [listeners] writer in
        defer { listeners.leave(ticket) }
        let beats = Task {
          while true {
            try await Task.sleep(for: Self.beat)
            listeners.beat(ticket)
          }
        }
        defer { beats.cancel() }
        try await writer.write(ByteBuffer(string: ": listening\n\n"))
        for await event in events {
          let text = try event.map { "data: \(try Answers.text($0))" } ?? ": listening"
          try await writer.write(ByteBuffer(string: "\(text)\n\n"))
        }
        try await writer.finish(nil)
      })
  }
}
