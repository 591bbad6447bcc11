import ImageRestoration

/// The work that a server does, and how much of it.
package struct ServerSettings: Sendable {
  package var host = "127.0.0.1"
  package var port = 8080
  /// The port of gRPC; nil for none.
  package var grpcPort: Int?
  /// The bearer token that callers show; nil asks for none.
  package var token: String?
  /// Bytes that restorations in flight may take together, pictures that wait included.
  package var memoryByteCount = 2 << 30
  /// Requests that are restored or wait for it.
  package var queueLength = 64
  /// Pictures that are restored at a time.
  package var parallelCount = 1
  /// Pictures that are read, restored or written at a time.
  package var activeCount = 3
  /// Threads of all that is restored at a time.
  package var threadCount = RuntimeOptions.defaultThreadCount
  /// The time of a request from its head to its result.
  package var timeout = Duration.seconds(120)
  /// The time in which a client may take no byte of its answer.
  package var writeTimeout = Duration.seconds(60)
  /// The time that running requests have once the server is asked to end.
  package var drain = Duration.seconds(30)
  package var bodyByteCount = 64 << 20
  package var pixelCount = 100_000_000
  /// Models that are loaded at a time.
  package var modelCount = 8
  package var connectionCount = 512
  /// Folders of models that are looked through before the installed ones.
  package var modelFolders: [String] = []
  /// Models that are loaded before the server is ready.
  package var preloaded = ["restore"]

  package init() {}

  /// Threads of one restoration.
  var threadsOfEach: Int { max(1, threadCount / parallelCount) }

  /// Whether it listens to this machine alone.
  var isLocal: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

  /// Bytes of bodies that wait, a part of the memory.
  var waitingByteCount: Int { memoryByteCount / 4 }
  /// Bytes of one body: a form is held twice while it is taken apart.
  var takenBodyByteCount: Int { min(bodyByteCount, waitingByteCount / 2) }
  /// Bytes of restorations, the rest of it.
  var workingByteCount: Int { memoryByteCount - waitingByteCount }
}
