import ArgumentParser
import Foundation
import IRRequests
import IRServing
import ImageRestoration
import Logging
import Metrics

@main
struct IRServe: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irserve",
    abstract: "Restores photographs over HTTP with models that stay loaded.",
    discussion: """
      The server offers a page for browsers, POST /restore for scripts, and the Open Inference Protocol for programs. It \
      listens on this machine only, unless --host names another address.

      Each option can also be set in the environment: --max-body is IRSERVE_MAX_BODY. The command line takes precedence. \
      After SIGTERM or SIGINT, running requests are completed within --drain seconds.

      EXIT CODES
        0  ended by SIGTERM or SIGINT
        2  wrong usage
        3  a model of --load was rejected
        4  the server cannot listen at an address

      EXAMPLES
        irserve --port 8080 --memory 4G --load restore,denoise
        irserve --open
        curl --data-binary @noisy.jpg localhost:8080/restore -o restored.jpg

      SEE ALSO
        docs/serving.md, irrun
      """, version: LibraryVersion.text)

  @Option(help: "Address to listen on.") var host = "127.0.0.1"
  @Option(help: "Port to listen on.") var port = 8080
  @Option(help: "Port to listen on for gRPC. (default: none)") var grpcPort: Int?
  @Option(
    help:
      "Token that a request must carry (Authorization: Bearer). IRSERVE_TOKEN hides it from process lists. (default: none)"
  )
  var token: String?
  @Option(help: "Memory limit of all requests together, such as 500M or 4G.")
  var memory = ByteCount(2 << 30)
  @Option(help: "Maximum number of accepted requests; further ones are told to try again later.") var queue =
    64
  @Option(
    help:
      "Number of pictures that are restored at a time, each with its share of the threads."
  )
  var parallel = 1
  @Option(
    help:
      "Maximum number of pictures that are read, restored or written at a time. (default: --parallel and two more)"
  )
  var active: Int?
  @Option(
    name: [.customShort("j"), .long], help: "Number of threads. (default: as many as the system grants)")
  var threads: Int?
  @Option(help: "Time limit of a request, in seconds.") var timeout = 120.0
  @Option(help: "Time limit of a client that takes no byte of its answer, in seconds.") var writeTimeout =
    60.0
  @Option(help: "Time limit of running requests after a signal to end, in seconds.") var drain = 30.0
  @Option(help: "Size limit of a request's body, such as 500K or 64M.") var maxBody = ByteCount(64 << 20)
  @Option(help: "Size limit of a picture, in pixels.") var maxPixels = 100_000_000
  @Option(help: "Maximum number of models in memory.") var maxModels = 8
  @Option(help: "Maximum number of connections.") var maxConnections = 512
  @Option(help: "Folders of models, separated by colons. They come before the installed models.") var models:
    String?
  @Option(help: "Models to load at the start, separated by commas.") var load = "restore"

  @Flag(help: "Open the page in the browser of BROWSER or of xdg-open.") var open = false
  @Flag(help: ArgumentHelp("Print what can be asked.", visibility: .hidden)) var routes = false

  /// A byte count with a binary suffix.
  struct ByteCount: ExpressibleByArgument {
    var value: Int

    init(_ value: Int) { self.value = value }

    init?(argument: String) {
      let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
      let shift = argument.uppercased().last.flatMap { units[$0] }
      guard let number = Double(shift == nil ? argument[...] : argument.dropLast()), number > 0,
        number < 1e9 * 1e3
      else { return nil }
      value = Int(min(number * Double(1 << (shift ?? 0)), 1e15))
    }

    var defaultValueDescription: String {
      value % (1 << 30) == 0 ? "\(value >> 30)G" : "\(value >> 20)M"
    }
  }

  func validate() throws {
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws {
      guard range.contains(value) else {
        throw ValidationError("--\(name) is \(value), must be \(range.lowerBound) to \(range.upperBound)")
      }
    }
    try check("port", port, 0...65_535)
    if let grpcPort {
      try check("grpc-port", grpcPort, 1...65_535)
      guard grpcPort != port else { throw ValidationError("--port and --grpc-port are both \(port)") }
    }
    try check("queue", queue, 1...100_000)
    try check("parallel", parallel, 1...64)
    try check("active", activeCount, parallel...66)
    try check("threads", threads ?? 1, 1...1024)
    try check("max-pixels", maxPixels, 1...400_000_000)
    try check("max-models", maxModels, 1...1000)
    try check("max-connections", maxConnections, 1...100_000)
    for (name, value) in [("timeout", timeout), ("write-timeout", writeTimeout), ("drain", drain)] {
      guard value > 0, value <= 86_400 else {
        throw ValidationError("--\(name) is \(value), must be 0 to 86400")
      }
    }
    if let token, token.utf8.count < 8 || !token.utf8.allSatisfy({ (33...126).contains($0) }) {
      throw ValidationError("--token must have 8 or more letters, digits and signs")
    }
  }

  private var activeCount: Int { active ?? parallel + 2 }

  private var settings: ServerSettings {
    var settings = ServerSettings()
    (settings.host, settings.port, settings.token) = (host, port, token)
    settings.grpcPort = grpcPort
    (settings.memoryByteCount, settings.bodyByteCount) = (memory.value, maxBody.value)
    (settings.queueLength, settings.activeCount) = (queue, activeCount)
    settings.parallelCount = parallel
    if let threads { settings.threadCount = threads }
    (settings.timeout, settings.drain) = (.seconds(timeout), .seconds(drain))
    settings.writeTimeout = .seconds(writeTimeout)
    (settings.pixelCount, settings.modelCount) = (maxPixels, maxModels)
    settings.connectionCount = maxConnections
    settings.modelFolders = (models ?? "").split(separator: ":").map(String.init)
    settings.preloaded = load.split(separator: ",").map(String.init)
    return settings
  }

  func run() async throws {
    signal(SIGPIPE, SIG_IGN)
    Self.keepLittleFreedMemory()
    let metrics = Prometheus()
    MetricsSystem.bootstrap(metrics)
    LoggingSystem.bootstrap { _ in JSONLog() }
    let server = IRServer(settings, metrics: metrics, logger: Logger(label: "irserve"))
    if routes {
      for route in server.routes { print(route) }
      return
    }
    do { try server.preload() } catch {
      try Self.say("\((error as? ServingError)?.sentence ?? "\(error)")")
      throw ExitCode(3)
    }
    do {
      try await server.run { [open, host] port in
        if open { Self.show(Browser.address(host: host, port: port)) }
      }
    } catch {
      try Self.say((error as? ServingError)?.sentence ?? "\(host):\(port): \(error)")
      throw ExitCode(4)
    }
  }

  /// Has the C library give back the memory of a picture when it is freed, as it does until it has learnt
  /// otherwise, and keep some megabytes for the small ones that come again.
  private static func keepLittleFreedMemory() {
    // `mallopt` is in no module of Swift's.
    guard let symbol = dlsym(nil, "mallopt") else { return }
    let mallopt = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
    let (trimThreshold, mmapThreshold, arenaMax): (Int32, Int32, Int32) = (-1, -3, -8)
    _ = mallopt(mmapThreshold, 1 << 20)
    _ = mallopt(trimThreshold, 4 << 20)
    _ = mallopt(arenaMax, 4)
  }

  /// Shows the page in a browser, or says its address.
  private static func show(_ address: String) {
    let isOpen = Browser.open(address, ProcessInfo.processInfo.environment) {
      try? say("the browser ended with an error; the page is \(address)")
    }
    try? say(isOpen ? "the page is \(address)" : "no browser was found; the page is \(address)")
  }

  private static func say(_ text: String) throws {
    try FileHandle.standardError.write(contentsOf: Data("irserve: \(text)\n".utf8))
  }

  static func main() async {
    do {
      var command = try parseAsRoot(arguments(CommandLine.arguments, ProcessInfo.processInfo.environment))
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      if exitCode(for: error) == .validationFailure {
        try? say(fullMessage(for: error))
        Foundation.exit(2)
      }
      exit(withError: error)
    }
  }

  /// The arguments with those of the environment before them, so that the command line decides.
  static func arguments(_ given: [String], _ environment: [String: String]) -> [String] {
    let prefix = "IRSERVE_"
    let stated = environment.filter { $0.key.hasPrefix(prefix) }.sorted { $0.key < $1.key }
    return stated.flatMap { key, value in
      let option = "--" + key.dropFirst(prefix.count).lowercased().replacing("_", with: "-")
      // A flag takes no value.
      if option == "--open",
        let isSet = ["1": true, "true": true, "0": false, "false": false, "": false][value]
      {
        return isSet ? [option] : []
      }
      return ["\(option)=\(value)"]
    } + given.dropFirst()
  }
}
