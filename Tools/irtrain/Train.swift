import ArgumentParser
import Foundation
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
      checkpoint; the result has the same bytes as without the interruption.
      """)

  @Argument(help: "The model to start from: an .onnx file, or the name of a model in Models.")
  var model: String

  @OptionGroup var source: DataOptions

  @Option(help: "Number of training steps.")
  var steps: Int

  @Option(name: [.customShort("o"), .long], help: "The model file to write.")
  var output: String

  @Option(
    help:
      "Folder of clean photographs for validation; by default a few of --clean, which are then not trained on."
  )
  var validation: String?

  @Option(help: "Steps between validations; 0 validates only at the end.")
  var validateEvery = 1000

  @Option(help: "Steps between checkpoints.")
  var checkpointEvery = 500

  @Option(help: "Steps between lines of the log.")
  var logEvery = 50

  @Option(help: "File for the log, lines of JSON; by default OUT.jsonl.")
  var log: String?

  @Option(help: "File for the page with curves and samples; by default OUT.html.")
  var report: String?

  @Flag(help: "Continue from OUT.checkpoint if it exists.")
  var resume = false

  @Flag(help: "Overwrite the output of another run.")
  var overwrite = false

  @OptionGroup var options: StepOptions

  func validate() throws {
    guard output.hasSuffix(".onnx") else { throw ValidationError("--output must end in .onnx") }
    for (name, value) in [
      ("steps", steps), ("checkpoint-every", checkpointEvery), ("log-every", logEvery),
    ] where value < 1 { throw ValidationError("--\(name) is \(value), must be at least 1") }
    guard validateEvery >= 0 else { throw ValidationError("--validate-every must not be negative") }
    if !resume, !overwrite, FilePath(output).exists {
      throw ValidationError("\(output) exists: --resume goes on with its run, --overwrite begins a new one")
    }
  }

  func run() throws {
    let run = try TrainingRun(self)
    try run.run()
  }

  /// Settings that a resumed run must share with its checkpoint; the schedule is compared on its own.
  var settings: [String: String] {
    var trainer = options.trainerOptions(stepCount: steps)
    trainer.schedule = LearningRateSchedule(peak: 1, stepCount: 1)
    return [
      "tasks": source.taskText, "batch": "\(source.batch)", "crop": "\(source.crop)",
      "seed": "\(source.seed)", "loss": "\(options.lossFunction)", "trainer": "\(trainer)",
      "only": options.only ?? "", "freeze": options.freeze ?? "",
    ]
  }

  static let scheduleKey = "schedule"

  /// The settings and the schedule, as a checkpoint holds them.
  func checkpointSettings() throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let schedule = try encoder.encode(options.trainerOptions(stepCount: steps).schedule)
    return settings.merging([Self.scheduleKey: String(decoding: schedule, as: UTF8.self)]) { $1 }
  }

  /// - Throws: `TrainingError.checkpoint` where the run that stopped at `step` was another one.
  func check(_ found: [String: String], step: Int, path: String) throws {
    let differing = settings.filter { found[$0.key] != $0.value }.keys.sorted()
    guard differing.isEmpty else {
      let text = differing.map { "\($0) was \(found[$0] ?? "missing"), is \(settings[$0] ?? "")" }
      throw TrainingError.checkpoint(
        path: path, detail: "it is of a run with other settings: \(text.joined(separator: "; "))")
    }
    let old = (found[Self.scheduleKey]?.data(using: .utf8)).flatMap {
      try? JSONDecoder().decode(LearningRateSchedule.self, from: $0)
    }
    let new = options.trainerOptions(stepCount: steps).schedule
    guard let old else {
      throw TrainingError.checkpoint(path: path, detail: "it does not say how the learning rate was to go")
    }
    guard step <= steps, new.agrees(with: old, upTo: step) else {
      throw TrainingError.checkpoint(
        path: path,
        detail:
          "it is of \(step) steps of a run of \(old.stepCount), with other learning rates than this one of "
          + "\(steps) would have had: the length can change only before the rate falls (--decay-steps)")
    }
  }
}
