import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles

@main
struct Quality: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irquality",
    abstract: "Scores pictures without a reference, and fits the model of natural pictures that NIQE needs.",
    version: Version.text, subcommands: [Score.self, Fit.self], defaultSubcommand: Score.self)
}

/// Says an error; the code that the command ends with.
func fail(_ text: String, code: ExitCode) -> ExitCode {
  Terminal.warn(text)
  return code
}
