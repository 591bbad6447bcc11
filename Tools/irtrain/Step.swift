import ArgumentParser
import Foundation
import IRCommandLine
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles
import IRTraining
import ImageRestoration

/// Steps on one given batch: for comparisons with other trainers, and for timing.
struct Step: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains on a given batch, and prints losses and times.",
    usage: "irtrain step [options] MODEL --input FILE",
    discussion: """
      --input contains `image` and `target`, float32 [N, C, H, W]; `tasks`, int64 [N], if routers are trained; and \
      `noise` [N], σ of pictures in 0...1, if the model takes a noise level. \
      --output receives the `loss` of every step, `gradient/NAME` of the first step and `weight/NAME` after the last.

      EXAMPLES
        irtrain step net.onnx --input batch.npz --steps 10 --output after.npz
      """)

  @Argument(help: .model, completion: .file())
  var model: String

  @Option(help: "File with the tensors image, target, tasks and noise.", completion: .file())
  var input: String

  @Option(help: "File for losses, gradients and weights.", completion: .file())
  var output: String?

  @Option(help: "Number of steps.")
  var steps = 1

  @Option(help: "Number of tasks that the routers distinguish.")
  var taskCount = 0

  @Flag(help: "Print the time per image of each kernel and of the slowest steps.")
  var profile = false

  @Flag(help: .json)
  var json = false

  @OptionGroup(title: "Optimization and resources") var options: StepOptions

  func validate() throws {
    guard steps >= 1 else { throw ValidationError("--steps is \(steps), must be at least 1") }
  }

  private struct Result: Encodable {
    var losses: [Double]
    var seconds: [Double]
    var parameterCount: Int
    var multiplyAddCount: Int
    var arenaByteCount: Int
    var recomputedCount: Int
    var threads: Int
    var referenceKernels: [String]
  }

  func run() throws {
    let tensors = Dictionary(
      try TensorFile.read(input).map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    guard let images = tensors["image"], let targets = tensors["target"], images.type == targets.type,
      images.elementType == .float32, images.shape.rank == 4
    else {
      throw TrainingError.data(
        detail: "\(input): needs image and target [N, C, H, W], float32 and of one shape")
    }
    let tasks = tensors["tasks"]?.integers.map { Int($0) } ?? [Int](repeating: 0, count: images.shape[0])
    guard tasks.count == images.shape[0], tasks.allSatisfy({ $0 >= 0 && $0 < max(taskCount, 1) }) else {
      throw TrainingError.data(
        detail: "\(input): tasks must be \(images.shape[0]) numbers below --task-count")
    }
    let noise = tensors["noise"]?.doubles.map { 255 * $0 } ?? []
    let path = try ModelCatalogue.path(of: model)
    let batch = TrainingGraph.Batch(
      count: images.shape[0], height: images.shape[2], width: images.shape[3])
    let trainer = try options.trainer(
      try ONNXModel(contentsOf: path), path: path, batch: batch, taskCount: taskCount, stepCount: steps)
    guard trainer.training.noise == nil || noise.count == images.shape[0] else {
      throw TrainingError.data(
        detail: "\(input): the model takes a noise level: noise must be \(images.shape[0]) numbers")
    }
    var result = Result(
      losses: [], seconds: [], parameterCount: trainer.state.values.reduce(0) { $0 + $1.elementCount },
      multiplyAddCount: trainer.multiplyAddCount,
      arenaByteCount: trainer.arenaByteCount,
      recomputedCount: trainer.recomputedCount, threads: options.runtime.threadCount,
      referenceKernels: Set(trainer.program.steps.filter(\.kernel.isReference).map(\.operatorName)).sorted())
    var first: [String: Tensor] = [:]
    if profile { trainer.profile = Profile() }
    for step in 0..<steps {
      trainer.keepsGradients = step == 0 && output != nil
      let start = ContinuousClock.now
      let report = try trainer.step(
        images: images, targets: targets, tasks: tasks, noiseLevels: noise)
      result.seconds.append(start.duration(to: .now).inSeconds)
      result.losses.append(report.loss)
      if step == 0 { first = trainer.gradients }
    }
    if let output { try write(trainer, first, result.losses, to: output) }
    if let profile = trainer.profile {
      let seconds = profile.seconds.map { $0 / Double(steps * batch.count) }
      Terminal.say("one image of \(batch.count)")
      Terminal.say(KernelTimes(trainer.program, seconds: seconds).text())
    }
    if json { try Terminal.say(json: result) } else { Terminal.say(text(result)) }
  }

  private func write(
    _ trainer: Trainer, _ gradients: [String: Tensor], _ losses: [Double], to path: String
  ) throws {
    var named = [
      NamedTensor("loss", Tensor(TensorType(.float64, [losses.count]), doubles: losses))
    ]
    for name in trainer.state.names {
      if let gradient = gradients[name] { named.append(NamedTensor("gradient/\(name)", gradient)) }
    }
    for (name, value) in zip(trainer.state.names, trainer.state.values) {
      named.append(NamedTensor("weight/\(name)", value))
    }
    try TensorFile.write(named, to: path)
  }

  private func text(_ result: Result) -> String {
    let median = result.seconds.sorted()[result.seconds.count / 2]
    let reference =
      result.referenceKernels.isEmpty
      ? "" : ", no fast kernel: \(result.referenceKernels.joined(separator: " "))"
    let again = result.recomputedCount == 0 ? "" : ", \(result.recomputedCount) values recomputed"
    return String(
      format: "loss %.6f to %.6f, median %.4f s a step, %.2f GFLOP, %d weights, arena %.0f MiB%@%@",
      result.losses[0], result.losses[result.losses.count - 1], median,
      2e-9 * Double(result.multiplyAddCount), result.parameterCount,
      Double(result.arenaByteCount) / 1_048_576, again, reference)
  }
}
