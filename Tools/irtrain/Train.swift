import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRFiles
import IRONNX
import IRTraining
import ImageRestoration

/// A training run.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a model on clean photographs or on pairs (the default).",
    discussion: """
      Tasks are degradations of the clean photographs: noise15 (σ of 255, floating point), noise0-55, noise25q \
      (clipped and truncated to 8 bits), camera (a camera's noise) or camera100-3200 (at these ISO), rain, haze, \
      motion, defocus, lowlight, jpeg10, jpeg10-40, down4, clean, and compositions (camera+shrink+jpeg70-98). tone, \
      plain and shrink make another scene, of which the clean photograph is one too: tone+clean shows dark and bright \
      photographs that are to stay so. A weight follows a colon (noise25:2). pairs are those of --pairs.

      Beside OUT.onnx, written at every validation, there are OUT.checkpoint (a safetensors file), OUT.jsonl and \
      OUT.html with the curves and sample restorations. With --resume an interrupted run continues from its \
      checkpoint; the result has the same bytes as without the interruption, unless the run ends by --time.

      Where the loss rises to twice its least, the run says so, and keeps the last checkpoint before as \
      OUT.good.checkpoint.
      """)

  @Argument(
    help: "The model to start from: an .onnx file, or the name of a model in Models.", completion: .file())
  var model: String

  @OptionGroup var source: DataOptions

  @Option(help: "Number of training steps.")
  var steps: Int?

  @Option(
    help: """
      Length of the run instead of --steps, validations included: 45m, 2h, 1h30m. The learning rate follows the clock.
      """)
  var time: TimeSpan?

  @Option(help: "With --time: the last part, over which the rate decays; by default the whole run.")
  var decayTime: TimeSpan?

  @Option(name: [.customShort("o"), .long], help: "The model file to write.", completion: .file())
  var output: String

  @Option(
    help:
      "Folder of clean photographs for validation; by default a few of --clean, which are then not trained on.",
    completion: .directory)
  var validation: String?

  @Option(help: "Steps between validations; 0 validates only at the end.")
  var validateEvery = 1000

  @Option(help: "Steps between checkpoints.")
  var checkpointEvery = 500

  @Option(help: "Steps between lines of the log.")
  var logEvery = 50

  @Option(help: "File for the log, lines of JSON; by default OUT.jsonl.", completion: .file())
  var log: String?

  @Option(help: "File for the page with curves and samples; by default OUT.html.", completion: .file())
  var report: String?

  @Flag(help: "Continue from OUT.checkpoint if it exists.")
  var resume = false

  @Flag(help: "Overwrite the output of another run.")
  var overwrite = false

  @OptionGroup var options: StepOptions

  func validate() throws {
    guard output.hasSuffix(".onnx") else { throw ValidationError("--output must end in .onnx") }
    guard (steps == nil) != (time == nil) else {
      throw ValidationError("say how long the run is: --steps or --time, and not both")
    }
    guard time == nil || options.decaySteps == nil, time != nil || decayTime == nil else {
      throw ValidationError("--decay-steps belongs to --steps, --decay-time to --time")
    }
    for (name, value) in [
      ("steps", steps ?? 1), ("checkpoint-every", checkpointEvery), ("log-every", logEvery),
    ] where value < 1 { throw ValidationError("--\(name) is \(value), must be at least 1") }
    guard validateEvery >= 0 else { throw ValidationError("--validate-every must not be negative") }
    // A run that was interrupted before its first validation has a checkpoint alone.
    if !resume, !overwrite, let found = [output, checkpointPath].first(where: { FilePath($0).exists }) {
      throw ValidationError("\(found) exists: --resume goes on with its run, --overwrite begins a new one")
    }
  }

  func run() throws {
    let run = try TrainingRun(self)
    try run.run()
  }
}
