import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import Metrics
import NIOCore
import ServiceLifecycle

/// Restores pictures over HTTP with models that stay loaded.
package final class IRServer: Sendable {
  package let settings: ServerSettings
  package let store: ModelStore
  let ledger: MemoryLedger
  let waiting: WaitingBytes
  let queue: WorkQueue
  /// Restorations that use the processors.
  let computing: Turns
  let listeners = Listeners()
  let metrics: Prometheus
  let logger: Logger

  /// `metrics` must be the system's factory of metrics.
  package init(_ settings: ServerSettings, metrics: Prometheus, logger: Logger) {
    (self.settings, self.metrics, self.logger) = (settings, metrics, logger)
    ledger = MemoryLedger(limit: settings.workingByteCount)
    store = ModelStore(settings, ledger)
    waiting = WaitingBytes(limit: settings.waitingByteCount)
    computing = Turns(settings.parallelCount)
    queue = WorkQueue(length: settings.queueLength, threadCount: settings.activeCount)
    describe()
  }

  /// Loads the models that are there from the start.
  /// - Throws: as a restoration by them.
  package func preload() throws {
    let control = Control(deadline: .now.advanced(by: .seconds(3600)))
    for name in settings.preloaded { _ = try store.restorer(name, control) }
  }

  /// Serves until the process is asked to end, and what is under way is done or late. `whenListening` hears
  /// the port.
  package func run(whenListening: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
    defer { TemporaryFolder.remove() }
    let writeTimeout = TimeAmount.of(settings.writeTimeout)
    let application = Application(
      router: router,
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [ConnectionGuard(writeTimeout: writeTimeout)],
          idleTimeout: .seconds(60),
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 64 << 10, maxHeaderFieldCount: 100))),
      configuration: ApplicationConfiguration(
        address: .hostname(settings.host, port: settings.port), serverName: "irserve",
        availableConnectionsDelegate: MaximumAvailableConnections(
          settings.connectionCount, logger: logger)),
      onServerRunning: { channel in whenListening(channel.localAddress?.port ?? 0) },
      logger: logger)
    let closing = Closing { [queue, listeners] in
      queue.close()
      listeners.close()
    }
    // The last one ends first: the queue is closed before the server waits for its connections.
    var services: [any Service] = [application]
    if let port = settings.grpcPort { services.append(GRPCServing(server: self, port: port)) }
    services.append(closing)
    var configuration = ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    configuration.maximumGracefulShutdownDuration = settings.drain
    defer { queue.stop() }
    do { try await ServiceGroup(configuration: configuration).run() } catch is CancellationError {
      // An end that was asked for, with work that did not end in its time.
      guard !queue.isTaking else { throw CancellationError() }
    }
  }

  /// Calls `body` when the server is asked to end.
  private struct Closing: Service {
    let body: @Sendable () -> Void

    func run() async throws {
      try await gracefulShutdown()
      body()
    }
  }

  /// The routes that can be asked.
  package var router: Router<ServingContext> {
    let router = Router(context: ServingContext.self)
    router.add(middleware: RequestLog())
    router.add(middleware: Gate(token: settings.token, isLocal: settings.token == nil && settings.isLocal))
    addHealth(to: router)
    addRestoring(to: router)
    addInference(to: router)
    addPage(to: router)
    return router
  }

  /// Methods and paths as an OpenAPI document writes them.
  package var routes: [String] {
    router.routes.map { "\($0.method) \($0.path)" }.sorted()
  }

  private func describe() {
    let gauges: [(String, @Sendable () -> Int?)] = [
      ("irserve_queue_waiting", { [queue] in queue.waitingCount }),
      ("irserve_queue_running", { [queue] in queue.runningCount }),
      ("irserve_memory_promised_bytes", { [ledger] in ledger.byteCount }),
      ("irserve_memory_limit_bytes", { [settings] in settings.memoryByteCount }),
      ("irserve_bodies_bytes", { [waiting] in waiting.byteCount }),
      ("irserve_models_loaded", { [store] in store.loadedNames.count }),
      ("process_resident_memory_bytes", { ProcessMemory.byteCount }),
    ]
    for (name, value) in gauges { metrics.gauge(name) { Double(value() ?? 0) } }
  }
}

/// The memory that the process holds.
enum ProcessMemory {
  /// Nil where the system does not say.
  static var byteCount: Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return nil }
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map {
      $0 * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
  }
}
