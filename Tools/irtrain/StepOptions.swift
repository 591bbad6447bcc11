import ArgumentParser
import Foundation
import IRCommandLine
import IRModels
import IRONNX
import IRRuntime
import IRTraining
import ImageRestoration

extension Loss.Pixel: ExpressibleByArgument {}

/// The loss, the optimizer, the weights that are trained, and the threads of a training step.
struct StepOptions: ParsableArguments, StepSettings {
  @Option(help: "Loss per pixel.")
  var loss = Loss.Pixel.l1

  @Option(help: "Weight of the loss's Fourier term (SymUNet: 0.1).")
  var fourierWeight = 0.1

  @Option(help: "Weight of the loss's router classification (DaAIR: 0.01); 0 turns it off.")
  var routerWeight = 0.0

  @Option(
    help: "Optimizer. muon moves weights that are matrices between features by Muon, the others by AdamW.")
  var optimizer = Optimizer.adamw

  @Option(help: "Peak learning rate.")
  var rate = 1e-3

  @Option(help: "Learning rate of the last step.")
  var finalRate = 1e-7

  @Option(help: "Steps of the learning rate's linear warm-up.")
  var warmUp = 0

  @Option(help: "Steps of the learning rate's decay, at the end. (default: all steps after the warm-up)")
  var decaySteps: Int?

  @Option(help: "Weight decay.")
  var weightDecay = 1e-3

  @Option(help: "Decay rate of the gradients' first moment.")
  var beta1 = 0.9

  @Option(help: "Decay rate of the gradients' second moment.")
  var beta2 = 0.999

  @Option(help: "Clip gradients to this global norm; 0 turns clipping off.")
  var clip = 0.01

  @Option(help: "Decay rate of the weights' moving average; 0 turns it off.")
  var average = 0.999

  @Option(help: "Decay rate of DaAIR's controllers, which average the encoder's agnostic experts.")
  var controllerDecay = 0.999

  @Option(help: "Train only weights whose name contains one of these texts, separated by commas.")
  var only: String?

  @Option(help: "Do not train weights whose name contains one of these texts, separated by commas.")
  var freeze: String?

  @OptionGroup var threads: ThreadOptions
  @OptionGroup var precision: PrecisionOptions

  @Option(
    help: ArgumentHelp(
      "Memory limit of a step, such as 500M or 4G. Above it, activations are recomputed in the backward pass, which takes longer. (default: three quarters of the free memory)",
      valueName: "size"))
  var memory: MemorySize?

  func validate() throws {
    try checkStepSettings()
    try require(
      (0...1).contains(controllerDecay), "--controller-decay is \(controllerDecay), must be in 0...1")
    try require(fourierWeight >= 0 && routerWeight >= 0, "weights of the loss must not be negative")
  }

  var lossFunction: Loss { Loss(pixel: loss, fourierWeight: fourierWeight, routerWeight: routerWeight) }

  func trainerOptions(stepCount: Int) -> Trainer.Options {
    trainerOptions(stepCount: stepCount, followerDecay: controllerDecay)
  }

  /// Whether a weight moves.
  func isTrained(_ name: String) -> Bool {
    func holds(_ list: String?) -> Bool? {
      list.map { $0.split(separator: ",").contains { name.contains($0) } }
    }
    return (holds(only) ?? true) && !(holds(freeze) ?? false)
  }

  /// The trainer of a model at its first step.
  func trainer(
    _ model: ONNXModel, path: String, batch: TrainingGraph.Batch, taskCount: Int, stepCount: Int
  ) throws -> Trainer {
    let graph = try TrainingGraph(
      model: model, path: path, batch: batch, loss: lossFunction, taskCount: taskCount,
      isTrained: isTrained)
    let weights = try model.initializers(named: graph.parameters + graph.frozen)
    // Steps alone: models are measured in float32, as they ship.
    var runtime = runtime
    runtime.precision = precision.value
    return try Trainer(
      graph, weights: weights, options: trainerOptions(stepCount: stepCount), runtime: runtime,
      leader: DaAIR.leader(ofController:))
  }
}
