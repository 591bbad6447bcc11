import ArgumentParser
import Foundation
import IRCommandLine

@main
enum Main {
  static func main() { Quality.runAsTool() }
}

struct Quality: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irquality",
    abstract: "Scores pictures without a reference, and fits the model of natural pictures that NIQE needs.",
    subcommands: [Score.self, Fit.self], defaultSubcommand: Score.self)
}

/// What ends a command: a picture or file that cannot be used.
func fail(_ text: String, code: Int32) -> ExitCode {
  Terminal.complain("irquality: \(text)")
  return ExitCode(code)
}
