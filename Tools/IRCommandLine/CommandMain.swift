import ArgumentParser
import Foundation

extension ParsableCommand {
  /// Runs the command as the tools document it: wrong usage ends in 2, where ArgumentParser would say 64; a
  /// file that outgrows its limits and a pipe that is closed are errors of the call, not the process's end.
  package static func runAsTool() {
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      Terminal.complain(fullMessage(for: error))
      Foundation.exit(2)
    }
  }
}

/// Text for a person's screen. Names come from files of strangers, so what would steer a terminal is shown
/// instead of sent.
package enum Terminal {
  private static let lineLimit = 4000

  package static func complain(_ text: String) { write(text, to: .standardError) }
  package static func say(_ text: String) { write(text, to: .standardOutput) }

  private static func write(_ text: String, to file: FileHandle) {
    // A closed pipe is no reason to stop restoring files.
    try? file.write(contentsOf: Data((printable(text) + "\n").utf8))
  }

  /// The text with control characters escaped and overlong lines cut.
  package static func printable(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var result = ""
      for scalar in line.unicodeScalars.prefix(lineLimit) {
        let isHarmless =
          scalar == "\t"
          || !(scalar.properties.generalCategory == .control || scalar.properties.isBidiControl)
        if isHarmless {
          result.unicodeScalars.append(scalar)
        } else {
          result += scalar.escaped(asASCII: true)
        }
      }
      return line.unicodeScalars.count > lineLimit ? result + "…" : result
    }
    .joined(separator: "\n")
  }
}
