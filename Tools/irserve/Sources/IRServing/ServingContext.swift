import Hummingbird
import NIOCore

/// A request's surroundings.
package struct ServingContext: RequestContext {
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
}
