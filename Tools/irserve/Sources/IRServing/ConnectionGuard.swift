import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Synchronization

/// A connection as routes see it.
package final class ConnectionState: Sendable {
  private let departure = Departure()
  private static let known = Mutex<[ObjectIdentifier: ConnectionState]>([:])

  /// The state of a connection that a `ConnectionGuard` watches.
  static func of(_ channel: any Channel) -> ConnectionState? {
    known.withLock { $0[ObjectIdentifier(channel)] }
  }

  fileprivate static func watch(_ channel: any Channel) -> ConnectionState {
    known.withLock { known in
      let state = known[ObjectIdentifier(channel)] ?? ConnectionState()
      known[ObjectIdentifier(channel)] = state
      return state
    }
  }

  fileprivate static func forget(_ channel: any Channel) {
    known.withLock { $0[ObjectIdentifier(channel)] = nil }
  }

  /// Calls `body` once the client is gone, at once where it is; nil calls nobody any more.
  func whenGone(_ body: (@Sendable () -> Void)?) { departure.whenGone(body) }

  fileprivate func leave() { departure.leave() }
}

/// Says on a connection that the body may come.
struct ContinueEvent: Sendable {}

/// Is done once the answers that were written are sent. Those who write are told sooner.
struct SentEvent: Sendable {}

/// The rest that a connection needs beside requests and answers: `100 Continue` where the client waits for
/// it, word of a client that left, an end to clients that do not read, an end to connections whose request
/// was not read to its end, and no end to those whose answer is still to be sent.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// How long a client may take no byte of its answer.
  private let writeTimeout: TimeAmount
  private static let partByteCount = 1 << 16
  /// How long the rest of a body is thrown away, so that its sender sees the answer.
  private static let lingering = TimeAmount.seconds(2)

  private var state: ConnectionState?
  private var expectsContinue = false
  private var endsAfterResponse = false
  private var isClosing = false
  private var stalled: Scheduled<Void>?
  /// Answers that are written and not sent.
  private var unsentCount = 0
  /// The sending of the last of them.
  private var lastSent: EventLoopFuture<Void>?
  /// Whoever wants the connection closed once they are sent.
  private var closing: EventLoopPromise<Void>?
  /// Whether the time of a server that ends is over.
  private var isCut = false

  init(writeTimeout: TimeAmount) { self.writeTimeout = writeTimeout }

  func handlerAdded(context: ChannelHandlerContext) {
    state = ConnectionState.watch(context.channel)
    UnsentBytes.bound(of: context.channel)
  }

  func handlerRemoved(context: ChannelHandlerContext) { end(context) }

  func channelInactive(context: ChannelHandlerContext) {
    end(context)
    context.fireChannelInactive()
  }

  private func end(_ context: ChannelHandlerContext) {
    stalled?.cancel()
    stalled = nil
    state?.leave()
    state = nil
    ConnectionState.forget(context.channel)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed = event as? ChannelEvent { state?.leave() }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    state?.leave()
    context.fireErrorCaught(error)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isClosing else { return }
    if case .head(let head) = unwrapInboundIn(data) {
      expectsContinue = head.headerFields[.expect]?.lowercased() == "100-continue"
    }
    context.fireChannelRead(data)
  }

  func triggerUserOutboundEvent(
    context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
  ) {
    if event is SentEvent, let promise {
      return lastSent?.cascade(to: promise) ?? promise.succeed(())
    }
    guard event is ContinueEvent else {
      return context.triggerUserOutboundEvent(event, promise: promise)
    }
    guard expectsContinue else { return promise?.succeed(()) ?? () }
    expectsContinue = false
    let head = HTTPResponse(status: .continue)
    context.writeAndFlush(wrapOutboundOut(.head(head)), promise: promise)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      endsAfterResponse = head.headerFields[.connection] == "close"
    case .body(let bytes) where bytes.readableBytes > Self.partByteCount:
      return write(bytes, context, promise)
    case .end where endsAfterResponse:
      isClosing = true
      context.writeAndFlush(data, promise: promise)
      context.close(mode: .output, promise: nil)
      let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
      context.eventLoop.scheduleTask(in: Self.lingering) { bound.value.close(promise: nil) }
      return
    case .end: return context.write(data, promise: sending(promise, context))
    default: break
    }
    context.write(data, promise: promise)
  }

  /// The promise of an answer's end, which counts the answer until then.
  private func sending(
    _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
  ) -> EventLoopPromise<Void> {
    let sent = promise ?? context.eventLoop.makePromise()
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    unsentCount += 1
    lastSent = sent.futureResult
    sent.futureResult.whenComplete { _ in
      let (handler, context) = bound.value
      handler.unsentCount -= 1
      if handler.unsentCount == 0, handler.closing != nil { handler.closeNow(context) }
    }
    return sent
  }

  /// Closes once answers are sent: a server that ends closes after writing, and would lose what the system
  /// did not take yet. Closing the input alone says that its time is over.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode == .input { isCut = true }
    guard unsentCount > 0, mode != .output else { return context.close(mode: mode, promise: promise) }
    if let closing {
      if let promise { closing.futureResult.cascade(to: promise) }
    } else {
      closing = promise ?? context.eventLoop.makePromise()
    }
    if isCut { closeNow(context) }
  }

  private func closeNow(_ context: ChannelHandlerContext) {
    defer { closing = nil }
    context.close(promise: closing)
  }

  /// Writes in parts: each one that is taken shows that the client reads.
  private func write(
    _ bytes: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?
  ) {
    var rest = bytes
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    while rest.readableBytes > Self.partByteCount, let part = rest.readSlice(length: Self.partByteCount) {
      let taken = context.eventLoop.makePromise(of: Void.self)
      taken.futureResult.whenSuccess {
        let (handler, context) = bound.value
        if handler.stalled != nil { handler.awaitReader(context) }
      }
      context.write(wrapOutboundOut(.body(part)), promise: taken)
    }
    context.write(wrapOutboundOut(.body(rest)), promise: promise)
  }

  /// Closes the connection of a client that takes no part of its answer for too long from now on.
  private func awaitReader(_ context: ChannelHandlerContext) {
    stalled?.cancel()
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    stalled = context.eventLoop.scheduleTask(in: writeTimeout) { bound.value.close(promise: nil) }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      stalled?.cancel()
      stalled = nil
    } else {
      awaitReader(context)
    }
    context.fireChannelWritabilityChanged()
  }
}
