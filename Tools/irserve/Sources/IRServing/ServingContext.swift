import Hummingbird
import NIOCore

/// A request's surroundings.
package struct ServingContext: RequestContext, Caller {
  package var coreContext: CoreRequestContextStorage
  let channel: any Channel
  /// The moment at which the request's head was read.
  let start = ContinuousClock.now
  /// Nil where the connection is gone already.
  let connection: ConnectionState?

  package init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
    connection = ConnectionState.of(source.channel)
  }

  var timeout: Duration? { nil }

  func whenGone(_ body: (@Sendable () -> Void)?) { connection?.whenGone(body) }
}
