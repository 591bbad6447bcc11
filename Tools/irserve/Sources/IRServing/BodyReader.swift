import Foundation
import Hummingbird
import IRRequests
import NIOCore

/// Reads bodies within limits: of one, and of all that wait.
struct BodyReader: Sendable {
  struct Body: Sendable {
    var bytes: Data
    /// Its place among all that wait, until it is restored.
    var place: WaitingBytes.Place
  }

  let limit: Int
  let waiting: WaitingBytes

  /// The body of a request, once there is place for it.
  /// - Throws: `ServingError`, `Control.End`.
  func body(of request: Request, _ context: ServingContext, _ control: Control) async throws -> Body {
    let stated = try statedLength(of: request)
    if let stated, stated > limit { throw ServingError.bodyTooLarge(limit) }
    guard let place = waiting.place(stated ?? 0) else { throw waiting.noPlace }
    try await context.channel.triggerUserOutboundEvent(ContinueEvent()).get()
    var bytes = Data()
    bytes.reserveCapacity(min(stated ?? 0, 1 << 20))
    var parts = request.body.makeAsyncIterator()
    while let part = try await next(&parts) {
      try control.check()
      let count = bytes.count + part.readableBytes
      guard count <= limit else { throw ServingError.bodyTooLarge(limit) }
      guard place.grow(to: count) else { throw waiting.noPlace }
      bytes.append(contentsOf: part.readableBytesView)
    }
    if let stated, bytes.count != stated { throw Control.End.left }
    return Body(bytes: bytes, place: place)
  }

  /// The next part of a body.
  /// - Throws: `ServingError` where it is no part of HTTP, as a chunk without a length.
  private func next(_ parts: inout RequestBody.AsyncIterator) async throws -> ByteBuffer? {
    do { return try await parts.next() } catch
      where error is any HTTPResponseError || error is CancellationError
    {
      throw error
    } catch {
      var refusal = ServingError.badRequest("the body breaks off or is no body of HTTP")
      refusal.endsConnection = true
      throw refusal
    }
  }

  private func statedLength(of request: Request) throws -> Int? {
    guard let text = request.headers[.contentLength] else { return nil }
    guard let length = Int(text), length >= 0 else {
      throw ServingError.badRequest("Content-Length is not a number of bytes")
    }
    return length
  }
}
