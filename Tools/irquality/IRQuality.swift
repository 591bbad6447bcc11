import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles

@main
struct Quality: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irquality",
    abstract: "Scores pictures without a reference.",
    usage: """
      irquality [score] [options] PICTURE ...
      irquality fit -i FOLDER -o FILE
      """,
    discussion: """
      score is the default. fit makes the statistics of natural pictures that the score NIQE compares with.

      EXAMPLES
        irquality photo.png restored.png --by niqe,piqe
        irquality fit -i photographs -o natural.safetensors

      SEE ALSO
        irrun --metrics (scores with a reference), irrun --by
      """,
    version: Version.text, subcommands: [Score.self, Fit.self], defaultSubcommand: Score.self)
}

/// Says an error; the code that the command ends with.
func fail(_ text: String, code: ExitCode) -> ExitCode {
  Terminal.warn(text)
  return code
}
