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

/// Prints a complaint; the code that the command is to end with.
func fail(_ text: String, code: Int32) -> ExitCode {
  Terminal.complain("irquality: \(text)")
  return ExitCode(code)
}
