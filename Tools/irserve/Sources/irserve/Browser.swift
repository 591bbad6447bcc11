import Foundation

/// The browser that shows a page, as `$BROWSER` and `xdg-open` name it.
enum Browser {
  /// A command with the page's address in its place.
  typealias Command = (program: String, arguments: [String])

  /// The commands to try: those of `$BROWSER`, parted by colons, in which `%s` is the address, and
  /// `xdg-open`, which looks for others.
  static func commands(for address: String, _ environment: [String: String]) -> [Command] {
    let named = (environment["BROWSER"] ?? "").split(separator: ":").compactMap { text -> Command? in
      let words = text.split(separator: " ").map(String.init)
      guard let program = words.first else { return nil }
      let hasPlace = words.contains { $0.contains("%s") }
      let arguments = words.dropFirst().map { $0.replacing("%s", with: address) }
      return (program, hasPlace ? arguments : arguments + [address])
    }
    return named + [("xdg-open", [address])]
  }

  /// The file of a program, looked for in `PATH`.
  static func file(of program: String, _ environment: [String: String]) -> String? {
    let files = FileManager.default
    if program.contains("/") { return files.isExecutableFile(atPath: program) ? program : nil }
    return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(program)" }
      .first { files.isExecutableFile(atPath: $0) }
  }

  /// Starts the first of the commands that is there.
  /// - Returns: false where none is. `failed` is called where the browser ends with an error.
  static func open(
    _ address: String, _ environment: [String: String], failed: @escaping @Sendable () -> Void
  ) -> Bool {
    for (program, arguments) in commands(for: address, environment) {
      guard let file = file(of: program, environment) else { continue }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: file)
      process.arguments = arguments
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      process.terminationHandler = { if $0.terminationStatus != 0 { failed() } }
      guard (try? process.run()) != nil else { continue }
      return true
    }
    return false
  }

  /// The address at which this machine reaches a server.
  static func address(host: String, port: Int) -> String {
    let isAny = ["0.0.0.0", "::", "127.0.0.1", "::1", "localhost"].contains(host)
    let name = isAny ? "localhost" : host.contains(":") ? "[\(host)]" : host
    return "http://\(name):\(port)/"
  }
}
