import GRPCCore
import GRPCNIOTransportCore
import IRRequests
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Listens for gRPC without TLS, up to a number of connections.
struct GRPCListener: HTTP2ServerTransport.ListenerFactory {
  let host: String
  let port: Int
  let connectionLimit: Int
  let eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton

  private final class Count: Sendable {
    let value = Mutex(0)
  }

  func makeListeningChannel(
    listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
    connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
  ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
    let open = Count()
    return try await ServerBootstrap(group: eventLoopGroup)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
      .bind(host: host, port: port) { [connectionLimit] channel in
        let count = open.value.withLock { count in
          count += 1
          return count
        }
        channel.closeFuture.whenComplete { _ in open.value.withLock { $0 -= 1 } }
        guard count <= connectionLimit else {
          // Whoever fails here must close: NIO drops the channel as it is.
          return channel.close().flatMap {
            channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
          }
        }
        UnsentBytes.bound(of: channel)
        return connectionConfigurator.configure(channel: channel, tls: .none)
      }
  }
}

/// The gRPC side of a server while it runs.
struct GRPCServing: Service {
  let server: IRServer
  let port: Int

  func run() async throws {
    let settings = server.settings
    typealias Transport = HTTP2ServerTransport.Custom<GRPCListener>
    var config = Transport.Config.defaults
    // The guard of each stream refuses what is too large, in words.
    config.rpc.maxRequestPayloadSize = Int(UInt32.max)
    config.http2.maxConcurrentStreams = max(16, settings.queueLength)
    config.http2.targetWindowSize = 1 << 20
    config.http2.maxFrameSize = 1 << 16
    config.connection.maxIdleTime = .seconds(600)
    // A peer that is gone without a word is found out.
    (config.connection.keepalive.time, config.connection.keepalive.timeout) = (.seconds(60), .seconds(20))
    config.connection.keepalive.clientBehavior.allowWithoutCalls = true
    config.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(10)
    config.channelDebuggingCallbacks.onAcceptHTTP2Stream = { [server] channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(GRPCStreamGuard(server), position: .first)
      }
    }
    let transport = Transport(
      listenerFactory: GRPCListener(
        host: settings.host, port: port, connectionLimit: settings.connectionCount), config: config)
    var router = RPCRouter<Transport>()
    server.addInference(to: &router)
    let grpc = GRPCServer(transport: transport, router: router)
    do {
      try await withGracefulShutdownHandler {
        try await grpc.serve()
      } onGracefulShutdown: {
        grpc.beginGracefulShutdown()
      }
    } catch let error as RuntimeError {
      if Task.isCancelled { throw CancellationError() }
      throw ServingError(
        .internalServerError,
        "gRPC at \(settings.host):\(port): \(error.cause.map { "\($0)" } ?? error.message)")
    }
  }
}
