import ArgumentParser
import IRCommandLine
import IRFiles
import IRTraining

@main
struct IRTrain: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irtrain",
    abstract: "Trains and fine-tunes restorers, and measures them.",
    discussion: """
      irtrain MODEL.onnx --clean DIR --tasks noise25,rain --steps 20000 -o OUT.onnx
      irtrain MODEL.onnx --pairs LOW HIGH --steps 2000 -o OUT.onnx
      irtrain eval OUT.onnx --sets DIR --tasks noise15,noise25,noise50
      irtrain export OUT.checkpoint MODEL.onnx -o SO-FAR.onnx
      irtrain compare FIRST.jsonl SECOND.jsonl -o PAGE.html
      irtrain average OLD.onnx FINE-TUNED.onnx -o BETWEEN.onnx
      irtrain transfer TRAINED.onnx FRESH.onnx -o START.onnx

      A run starts from any frozen model whose input is one image, and perhaps a noise level beside it, and whose \
      output is an image of its size: fresh \
      from irexport, or trained. Exit codes: 0, 2 usage, 3 the model, the data or the checkpoint was rejected, \
      4 the run diverged, 129, 130 and 143 hung up, interrupted and asked to end (a checkpoint is written first).
      """,
    version: Version.text,
    subcommands: [
      Train.self, Evaluate.self, Export.self, Average.self, Transfer.self, Compare.self, Batches.self,
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
