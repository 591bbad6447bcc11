import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRFiles
import IRONNX
import IRTraining
import ImageRestoration

/// A training run.
struct Train: ParsableCommand, RunLength {
  static let configuration = CommandConfiguration(
    abstract: "Trains a model on clean photographs or on pairs.",
    usage: """
      irtrain [train] [options] MODEL --clean FOLDER --steps N -o OUT.onnx
      irtrain [train] [options] MODEL --pairs LOW HIGH --time T -o OUT.onnx
      """,
    discussion: """
      Tasks are degradations of the clean photographs; irdegrade --help lists them. Four more change the clean \
      photograph too: tone (darker or brighter), plain (flat areas), soft (as sensors of many pixels see it) and \
      shrink (reduced). So tone+clean teaches the model to keep dark and bright photographs as they are. The task \
      pairs takes the photographs of --pairs. Tasks are drawn with equal probability unless weights follow colons: \
      noise25:2,rain.

      A run writes OUT.onnx at every validation. Beside it, it writes OUT.checkpoint (safetensors), OUT.jsonl (the log) \
      and OUT.html (curves and sample restorations). --resume continues an interrupted run from its checkpoint. The \
      result has the same bytes as without the interruption, unless the run ends by --time.

      If the loss rises to twice its minimum, irtrain warns and keeps the last good checkpoint as OUT.good.checkpoint.

      EXAMPLES
        irtrain net.onnx --clean photos --tasks noise0-55 --steps 20000 -o my.onnx
        irtrain symunet-s --clean photos --tasks jpeg10 --rate 2e-4 --time 2h -o my.onnx
        irtrain net.onnx --pairs 'set/*_noisy.jpg' 'set/*_mean.jpg' --steps 2000 \\
          -o my.onnx
        irtrain net.onnx --clean photos --steps 20000 -o my.onnx --resume
      """)

  @Argument(
    help: "Model to start from: a model file (.onnx), or the name of an installed model.", completion: .file()
  )
  var model: String

  @OptionGroup(title: "Data") var source: DataOptions

  @Option(help: "Number of training steps.")
  var steps: Int?

  @Option(
    help: """
      Length of the run, instead of --steps: 45m, 2h, 1h30m. It includes validations. The learning rate follows the clock.
      """)
  var time: TimeSpan?

  @Option(help: "With --time: length of the learning rate's decay, at the end. (default: the whole run)")
  var decayTime: TimeSpan?

  @Option(name: [.customShort("o"), .long], help: "Model file to write (.onnx).", completion: .file())
  var output: String

  @Option(
    help:
      "Folder of clean photographs for validation. (default: a few of --clean, which are not trained on)",
    completion: .directory)
  var validation: String?

  @Option(help: "Steps between validations; 0 validates at the end only.")
  var validateEvery = 1000

  @Option(help: "Steps between checkpoints.")
  var checkpointEvery = 500

  @Option(help: "Steps between lines of the log.")
  var logEvery = 50

  @Option(help: "File for the log, in lines of JSON. (default: OUT.jsonl)", completion: .file())
  var log: String?

  @Option(help: "File for the page with curves and samples. (default: OUT.html)", completion: .file())
  var report: String?

  @Flag(help: "Continue the run of OUT.checkpoint, if it exists.")
  var resume = false

  @Flag(help: "Overwrite the files of another run.")
  var overwrite = false

  @OptionGroup(title: "Optimization and resources") var options: StepOptions

  func validate() throws {
    guard output.hasSuffix(".onnx") else { throw ValidationError("--output must end in .onnx") }
    try checkLength()
    // A run that was interrupted before its first validation has a checkpoint alone.
    if !resume, !overwrite, let found = [output, checkpointPath].first(where: { FilePath($0).exists }) {
      throw ValidationError("\(found) exists: --resume continues its run, --overwrite begins a new one")
    }
  }

  func run() throws {
    let run = try TrainingRun(self)
    try run.run()
  }
}
