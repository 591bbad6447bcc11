import GRPCCore
import HTTPTypes
import IRRequests
import NIOCore
import NIOHPACK
import NIOHTTP2
import Synchronization

/// One call's stream of HTTP/2: its sender, and the place of its bytes among all that wait.
final class GRPCStream: Caller {
  private struct State {
    var refusal: ServingError?
    var timeout: Duration?
    var answer: WaitingBytes.Place?
  }

  let start = ContinuousClock.now
  let place: WaitingBytes.Place
  private let departure = Departure()
  private let state = Mutex(State())
  private static let known = Mutex<(count: Int, streams: [String: GRPCStream])>((0, [:]))
  /// The field by which a call's metadata names its stream; senders cannot set it.
  fileprivate static let field = "irserve-stream"

  fileprivate init(_ place: WaitingBytes.Place) { self.place = place }

  var timeout: Duration? { state.withLock { $0.timeout } }
  /// Why the stream was ended before its message was there.
  var refusal: ServingError? { state.withLock { $0.refusal } }

  static func of(_ metadata: Metadata) -> GRPCStream? {
    metadata[stringValues: field].first { _ in true }.flatMap { name in known.withLock { $0.streams[name] } }
  }

  func whenGone(_ body: (@Sendable () -> Void)?) { departure.whenGone(body) }

  fileprivate func leave() { departure.leave() }

  /// Holds the place of the answer until the stream is closed, thus until the answer is written.
  func hold(_ answer: WaitingBytes.Place) { state.withLock { $0.answer = answer } }

  fileprivate func end(_ refusal: ServingError) { state.withLock { $0.refusal = refusal } }

  fileprivate func give(_ timeout: Duration) { state.withLock { $0.timeout = timeout } }

  /// - Returns: its name.
  fileprivate func begin() -> String {
    Self.known.withLock { known in
      known.count += 1
      let name = String(known.count)
      known.streams[name] = self
      return name
    }
  }

  fileprivate static func forget(_ name: String) {
    known.withLock { _ = $0.streams.removeValue(forKey: name) }
  }
}

/// Watches a stream before gRPC sees it: bytes beyond the limits, senders that are too slow or leave.
final class GRPCStreamGuard: ChannelDuplexHandler {
  typealias InboundIn = HTTP2Frame.FramePayload
  typealias InboundOut = HTTP2Frame.FramePayload
  typealias OutboundIn = HTTP2Frame.FramePayload
  typealias OutboundOut = HTTP2Frame.FramePayload

  /// Bytes before a message: whether it is compressed, and its length.
  private static let prefixByteCount = 5
  private static let partByteCount = 1 << 16

  private let server: IRServer
  private var stream: GRPCStream?
  private var name: String?
  private var byteCount = 0
  /// Whether the stream was ended here: nothing more is read or written.
  private var isRefused = false
  /// Whether parts of an answer are written just now, and whether writability changed meanwhile.
  private var isWriting = false
  private var isChanged = false
  /// Whether the sender has ended its side.
  private var isReceived = false
  /// Whether gRPC has seen the call, which it notes then.
  private var isForwarded = false
  private var path = ""
  private var late: Scheduled<Void>?
  private var stalled: Scheduled<Void>?

  init(_ server: IRServer) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    switch unwrapInboundIn(data) {
    case .headers(var headers):
      if stream == nil { begin(&headers.headers, context) }
      if headers.endStream { receivedAll() }
      guard !isRefused else { return }
      isForwarded = true
      context.fireChannelRead(wrapInboundOut(.headers(headers)))
    case .data(let part):
      byteCount += part.data.readableBytes
      let limit = server.messageLimit(of: path)
      if byteCount > limit.byteCount + Self.prefixByteCount { return refuse(limit.refusal, context) }
      // A message is copied out of its frames.
      guard stream?.place.grow(to: 2 * byteCount) ?? false else {
        return refuse(server.waiting.noPlace, context)
      }
      if part.endStream { receivedAll() }
      context.fireChannelRead(data)
    case .rstStream:
      stream?.leave()
      context.fireChannelRead(data)
    default: context.fireChannelRead(data)
    }
  }

  private func receivedAll() {
    isReceived = true
    late?.cancel()
  }

  private func begin(_ headers: inout HPACKHeaders, _ context: ChannelHandlerContext) {
    path = headers.first(name: ":path") ?? ""
    guard let place = server.waiting.place(0) else { return refuse(server.waiting.noPlace, context) }
    let stream = GRPCStream(place)
    if let timeout = headers.first(name: "grpc-timeout").flatMap(Self.duration) { stream.give(timeout) }
    let name = stream.begin()
    (self.stream, self.name) = (stream, name)
    headers.replaceOrAdd(name: GRPCStream.field, value: name)
    // Who would be refused is told before the message comes.
    if let refusal = server.refusal(of: path, headers) { return refuse(refusal, context) }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let seconds = stream.timeout.map { min($0, server.settings.timeout) } ?? server.settings.timeout
    late = context.eventLoop.scheduleTask(in: .of(seconds)) {
      let (handler, context) = bound.value
      handler.refuse(.of(Control.End.late), context)
    }
  }

  /// Ends the stream with a status.
  private func refuse(_ refusal: ServingError, _ context: ChannelHandlerContext) {
    guard !isRefused else { return }
    isRefused = true
    late?.cancel()
    stream?.end(refusal)
    if !isForwarded {
      var entry = RequestNote(method: "GRPC", path: path, route: "refused")
      (entry.status, entry.sentence) = ("\(refusal.code)", refusal.sentence)
      entry.write(server.logger, seconds: stream?.start.duration(to: .now).seconds ?? 0)
    }
    let sentence = refusal.sentence.utf8.map { byte in
      (32...126).contains(byte) && byte != UInt8(ascii: "%")
        ? String(UnicodeScalar(byte))
        : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
    let headers: HPACKHeaders = [
      ":status": "200", "content-type": "application/grpc", "grpc-status": "\(refusal.code.rawValue)",
      "grpc-message": sentence.joined(),
    ]
    context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: true))), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.rstStream(.noError)), promise: nil)
    stream?.leave()
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard !isRefused else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
    switch unwrapOutboundIn(data) {
    case .headers(let headers) where headers.endStream && !isReceived:
      // An error before the message is there: the rest of the message is not taken.
      isRefused = true
      late?.cancel()
      context.write(data, promise: promise)
      context.write(wrapOutboundOut(.rstStream(.noError)), promise: nil)
      stream?.leave()
    case .data(let answer): write(answer, context, promise)
    default: context.write(data, promise: promise)
    }
  }

  /// Writes in parts: each one that is taken shows that the sender reads.
  private func write(
    _ answer: HTTP2Frame.FramePayload.Data, _ context: ChannelHandlerContext,
    _ promise: EventLoopPromise<Void>?
  ) {
    guard case .byteBuffer(var rest) = answer.data, !answer.endStream else {
      return context.write(wrapOutboundOut(.data(answer)), promise: promise)
    }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    isWriting = true
    while rest.readableBytes > Self.partByteCount, let part = rest.readSlice(length: Self.partByteCount) {
      let taken = context.eventLoop.makePromise(of: Void.self)
      taken.futureResult.whenSuccess {
        let (handler, context) = bound.value
        if handler.stalled != nil { handler.awaitReader(context) }
      }
      context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(part)))), promise: taken)
    }
    context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(rest)))), promise: promise)
    isWriting = false
    if isChanged { channelWritabilityChanged(context: context) }
  }

  /// Closes the stream of a sender that takes no part of its answer for too long from now on.
  private func awaitReader(_ context: ChannelHandlerContext) {
    stalled?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    stalled = context.eventLoop.scheduleTask(in: .of(server.settings.writeTimeout)) {
      bound.value.close(promise: nil)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    // gRPC writes the answer's end when it hears of it: the parts come before.
    isChanged = isWriting
    guard !isWriting else { return }
    if context.channel.isWritable {
      stalled?.cancel()
      stalled = nil
    } else {
      awaitReader(context)
    }
    context.fireChannelWritabilityChanged()
  }

  func channelInactive(context: ChannelHandlerContext) {
    end()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { end() }

  private func end() {
    for timer in [late, stalled] { timer?.cancel() }
    (late, stalled) = (nil, nil)
    stream?.leave()
    stream = nil
    if let name { GRPCStream.forget(name) }
    name = nil
  }

  /// A time as gRPC writes it: up to eight digits and a unit.
  static func duration(_ text: String) -> Duration? {
    guard let unit = text.last, let number = Int64(text.dropLast()), (0...99_999_999).contains(number) else {
      return nil
    }
    switch unit {
    case "H": return .seconds(number * 3600)
    case "M": return .seconds(number * 60)
    case "S": return .seconds(number)
    case "m": return .milliseconds(number)
    case "u": return .microseconds(number)
    case "n": return .nanoseconds(number)
    default: return nil
    }
  }
}

extension ServingError {
  /// The status of gRPC that has its meaning.
  var code: RPCError.Code {
    switch status.code {
    case 401: .unauthenticated
    case 403: .permissionDenied
    case 404: .notFound
    case 413: .resourceExhausted
    case 499: .cancelled
    case 503: .unavailable
    case 504: .deadlineExceeded
    case 400..<500: .invalidArgument
    default: .internalError
    }
  }
}
