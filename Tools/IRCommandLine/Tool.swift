import ArgumentParser
import Foundation
import IRFiles

/// A command that is a program of its own. All tools end alike: 0, 2 for wrong usage, what `exitCode(of:)`
/// says for other errors, 129, 130 and 143 for signals.
package protocol Tool: ParsableCommand {
  /// Spellings of the last version, which are accepted and not documented.
  static var oldSpellings: [OldSpelling] { get }

  /// The exit code for an error of the command or of a subcommand.
  static func exitCode(of error: any Error) -> ExitCode
}

extension Tool {
  package static var oldSpellings: [OldSpelling] { [] }
  package static func exitCode(of error: any Error) -> ExitCode { .rejected }

  package static func main() {
    // Errors of the call, not the end of the process: a file beyond its limit, a pipe that is closed.
    signal(SIGXFSZ, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    Interruption.install()
    let (arguments, notes) = oldSpellings.rewrite(FilePath.arguments.map(\.text))
    for note in notes { Terminal.warn(note) }
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
    } catch {
      end(error, arguments)
    }
  }

  private static func end(_ error: any Error, _ arguments: [String]) -> Never {
    switch Self.exitCode(for: error) {
    case .success: exit(withError: error)
    case .validationFailure:
      // A missing argument may be missing because an option is misspelt: that is said first.
      var text = fullMessage(for: error)
      if !text.contains("Unknown option"), let option = unknownOption(in: arguments) {
        text = fullMessage(for: ValidationError("Unknown option '\(option)'"))
      }
      Terminal.complain(text)
      Foundation.exit(ExitCode.usage.rawValue)
    default:
      if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
      Terminal.warn("\(error)")
      Foundation.exit(exitCode(of: error).rawValue)
    }
  }

  /// The first long option that neither the command nor a subcommand has.
  private static func unknownOption(in arguments: [String]) -> String? {
    let commands: [any ParsableCommand.Type] = configuration.subcommands
    let texts =
      [helpMessage(includeHidden: true)] + commands.map { helpMessage(for: $0, includeHidden: true) }
    let known = Set(
      texts.joined(separator: "\n").split { !($0.isLetter || $0.isNumber || $0 == "-") }
        .filter { $0.hasPrefix("--") })
    return arguments.prefix { $0 != "--" }.lazy
      .filter { $0.hasPrefix("--") }.compactMap { $0.split(separator: "=").first }
      .first { !known.contains($0) }.map(String.init)
  }
}

extension ExitCode {
  /// Wrong usage; ArgumentParser would say 64.
  package static let usage = ExitCode(2)
  /// The model, or what the command depends on, was rejected.
  package static let rejected = ExitCode(3)
  /// Some files could not be read, restored or written.
  package static let someFailed = ExitCode(4)
  /// The run would exceed the memory.
  package static let exceedsMemory = ExitCode(5)
  /// A comparison found a difference.
  package static let differs = ExitCode(6)
}
