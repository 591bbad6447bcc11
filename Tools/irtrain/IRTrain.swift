import ArgumentParser
import IRCommandLine
import IRFiles
import IRTraining

@main
struct IRTrain: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irtrain",
    abstract: "Trains, fine-tunes and measures restorers.",
    usage: """
      irtrain [train] [options] MODEL --clean FOLDER --steps N -o OUT.onnx
      irtrain SUBCOMMAND [options] ...
      """,
    discussion: """
      A run starts from a model file whose input is one image, and perhaps a noise level, and whose output is an image of \
      its size. The model may have random weights (irexport makes such models) or be trained. An interrupted run \
      finishes its step and writes a checkpoint.

      \(HelpText.exitCodes([
        3: "the model, the data or the checkpoint were rejected", 4: "the run diverged",
      ]))

      EXAMPLES
        irtrain net.onnx --clean photos --tasks noise25,rain --steps 20000 -o my.onnx
        irtrain net.onnx --pairs low high --steps 2000 -o my.onnx
        irtrain eval my.onnx --sets photos --tasks noise15,noise25,noise50
        irtrain export my.checkpoint net.onnx -o so-far.onnx
        irtrain compare first.jsonl second.jsonl -o page.html
        irtrain average old.onnx fine-tuned.onnx -o between.onnx
        irtrain transfer trained.onnx fresh.onnx -o start.onnx
        irtrain unires --clean photos --time 2h -o my-pipeline

      SEE ALSO
        irexport (makes models to start from), irdegrade, docs/training.md
      """,
    version: Version.text,
    subcommands: [
      Train.self, Evaluate.self, UniRes.self, Export.self, Average.self, Transfer.self, Compare.self,
      Batches.self,
      Step.self,
    ],
    defaultSubcommand: Train.self)

  static let oldSpellings: [OldSpelling] = [
    .value(of: ["--memory"], now: { $0.allSatisfy(\.isNumber) ? "\($0)M" : nil })
  ]

  static func exitCode(of error: any Error) -> ExitCode {
    if let training = error as? TrainingError, case .diverged = training { return .someFailed }
    return .rejected
  }
}
