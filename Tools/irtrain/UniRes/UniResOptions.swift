import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRDiffusion
import IRFiles
import IRModels
import IRRuntime
import IRTraining

extension Prediction: ExpressibleByArgument {}

/// The data that batches of a pipeline are made of.
struct UniResDataOptions: ParsableArguments {
  /// Degradations of each task, with the paper's probabilities.
  static let paperTasks =
    "down2+noise0-5=sr:0.16,down3+noise0-5=sr:0.16,motion5-15+noise0-5=md:0.28,"
    + "defocus1-3.5+noise0-5=dd:0.18,noise5-50=dn:0.22"

  @Option(help: "Folder of clean photographs.", completion: .directory)
  var clean: String

  @Option(
    help: """
      Degradations, separated by commas (irdegrade --help lists them), each with its task behind an equals sign, sr, md, \
      dd or dn, and with an optional weight: noise5-50=dn:0.22.
      """)
  var tasks = Self.paperTasks

  @Option(help: "Number of crops in a batch.")
  var batch = 8

  @Option(help: "Side of a crop in pixels.")
  var crop = 96

  @Option(help: .seed)
  var seed: UInt64 = 1

  func validate() throws {
    for (name, value) in [("batch", batch), ("crop", crop)] where value < 1 || value > 1 << 14 {
      throw ValidationError("--\(name) is \(value), must be in 1...\(1 << 14)")
    }
    try checkTasks(tasks)
    guard try taskList().allSatisfy({ $0.source != .pairs }) else {
      throw ValidationError("--tasks names pairs, which are of no single task")
    }
  }

  func taskList() throws -> [TrainingTask] { try TrainingTask.list(tasks) }

  var size: TrainingGraph.Batch { TrainingGraph.Batch(count: batch, height: crop, width: crop) }
}

/// The networks and what they are trained to predict.
struct UniResModelOptions: ParsableArguments {
  @Option(
    help:
      "Settings of the UNet (config.json of diffusers, in_channels twice out_channels). (default: unires-s)",
    completion: .file(extensions: ["json"]))
  var config: String?

  @Option(
    help: """
      What the UNet predicts. With v_prediction and sample, the schedule ends in noise alone, so that one step restores.
      """)
  var prediction = Prediction.velocity

  @Option(
    name: .customLong("min-snr"), help: "γ of the min-SNR weights of time steps; 0 gives all the same weight."
  )
  var minSNR = 5.0

  @Option(help: "Share of crops, 0 to 1, that take the last time step.")
  var lastStepShare = 0.5

  @Option(help: "Share of crops, 0 to 1, without the degraded photograph.")
  var dropPicture = 0.1

  @Option(help: "Share of crops, 0 to 1, without the task's name.")
  var dropText = 0.1

  @Option(
    help: """
      Power of the pixels' variance that latent channels weigh in the loss by: 0 weighs all alike, 1 as the mean square \
      of pixels does.
      """)
  var channelExponent = 0.5

  func validate() throws {
    for (name, value) in [
      ("last-step-share", lastStepShare), ("drop-picture", dropPicture), ("drop-text", dropText),
    ] where !(0...1).contains(value) { throw ValidationError("--\(name) is \(value), must be 0 to 1") }
    guard minSNR >= 0, minSNR.isFinite else { throw ValidationError("--min-snr must not be negative") }
    guard (0...2).contains(channelExponent) else {
      throw ValidationError("--channel-exponent is \(channelExponent), must be 0 to 2")
    }
  }

  var scheduler: SchedulerConfiguration {
    var result = SchedulerConfiguration()
    result.prediction = prediction
    (result.spacing, result.stepsOffset) = (.trailing, 0)
    result.endsAtOne = true
    result.hasZeroTerminalSNR = prediction != .epsilon
    return result
  }

  var objective: DiffusionObjective.Options {
    var result = DiffusionObjective.Options()
    result.gamma = minSNR > 0 ? minSNR : nil
    (result.lastStepShare, result.pictureDrop, result.textDrop) = (lastStepShare, dropPicture, dropText)
    return result
  }

  /// - Throws: `ModelError.configuration`, `TrainingError.data`.
  func unet() throws -> DenoisingUNetConfiguration {
    guard let config else { return .small }
    guard let bytes = try? FilePath(config).contents(atMost: 1 << 26) else {
      throw TrainingError.data(detail: "\(config): cannot be read")
    }
    do { return try JSONDecoder().decode(DenoisingUNetConfiguration.self, from: Data(bytes)) } catch let error
      as DecodingError
    {
      throw ModelError.configuration("\(config): \(error)")
    }
  }
}

/// The optimizer and the threads of a step.
struct UniResStepOptions: ParsableArguments, StepSettings {
  @Option(
    help: "Optimizer. muon moves weights that are matrices between features by Muon, the others by AdamW.")
  var optimizer = Optimizer.adamw

  @Option(help: "Peak learning rate.")
  var rate = 1e-3

  @Option(help: "Learning rate of the last step.")
  var finalRate = 1e-6

  @Option(help: "Steps of the learning rate's linear warm-up.")
  var warmUp = 100

  @Option(help: "Steps of the learning rate's decay, at the end. (default: all steps after the warm-up)")
  var decaySteps: Int?

  @Option(help: "Weight decay.")
  var weightDecay = 1e-4

  @Option(help: "Decay rate of the gradients' first moment.")
  var beta1 = 0.9

  @Option(help: "Decay rate of the gradients' second moment.")
  var beta2 = 0.99

  @Option(help: "Clip gradients to this global norm; 0 turns clipping off.")
  var clip = 1.0

  @Option(help: "Decay rate of the weights' moving average; 0 turns it off.")
  var average = 0.999

  @OptionGroup var threads: ThreadOptions

  @Option(
    help: ArgumentHelp(
      "Memory limit of a step, such as 500M or 4G. Above it, activations are recomputed in the backward pass, which takes longer. (default: three quarters of the free memory)",
      valueName: "size"))
  var memory: MemorySize?

  func validate() throws { try checkStepSettings() }
}
