import IRCompiler
import IRGraph
import IRRuntime
import IRTensor

/// A diffusion model in training: the trunk, and from some step on a copy of it for each task.
package struct DiffusionState: Sendable {
  /// Steps done, of the trunk and of all copies.
  package var step: Int { trunk.step + experts.values.reduce(0) { $0 + $1.step } }
  package var trunk: TrainingState
  /// By prompt; empty while the trunk learns.
  package var experts: [Int: TrainingState] = [:]

  package init(trunk: TrainingState) { self.trunk = trunk }

  /// The averages that a prompt restores with: those of its expert, else the trunk's.
  package func averages(of prompt: Int) -> [String: Tensor] {
    let state = experts[prompt] ?? trunk
    return Dictionary(uniqueKeysWithValues: zip(state.names, state.averages))
  }

  /// The averages of all prompts, `[count, …]` each.
  package func rows(count: Int) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, name) in trunk.names.enumerated() {
      let rows = (0..<count).flatMap { (experts[$0] ?? trunk).averages[index].floats }
      result[name] = Tensor(rows, shape: Shape([count] + trunk.averages[index].shape.extents))
    }
    return result
  }
}

/// Makes the steps of a diffusion model. The same state and batch give the same bytes, whatever the number of
/// threads.
package final class DiffusionTrainer {
  package let training: DiffusionGraph
  package let options: Trainer.Options
  package private(set) var state: DiffusionState
  private let batchGradients: BatchGradients
  private let matrices: MatrixDirections?
  private let threadCount: Int
  /// The gradients of the latest step, by weight; for tests.
  package private(set) var gradients: [String: Tensor] = [:]
  /// Keeps `gradients`.
  package var keepsGradients = false

  /// Compiles the graph for batches of `count` images; `weights` are the first ones.
  /// - Throws: `TrainingError.compiler`; `.runtime` if the plan exceeds the memory.
  package init(
    _ training: DiffusionGraph, weights: [String: Tensor], count: Int, options: Trainer.Options,
    runtime: RuntimeOptions = RuntimeOptions()
  ) throws(TrainingError) {
    self.training = training
    self.options = options
    threadCount = runtime.threadCount
    batchGradients = try BatchGradients(training.imageGradients, count: count, runtime: runtime)
    let values = training.parameters.map { name in
      guard let tensor = weights[name] else { preconditionFailure("the network has a weight \(name)") }
      return tensor
    }
    state = DiffusionState(trunk: TrainingState(names: training.parameters, values: values))
    matrices = try MatrixDirections(options.muon, of: values.map(\.type), runtime: runtime)
  }

  /// The program of one image.
  package var program: Program { batchGradients.program }
  package var recomputedCount: Int { batchGradients.recomputedCount }
  /// The number of images that are computed at the same time, each by a thread.
  package var imagesAtOnce: Int { batchGradients.imagesAtOnce }
  /// The bytes of the arenas of all threads, and of the matrices' directions.
  package var arenaByteCount: Int { batchGradients.arenaByteCount + (matrices?.arenaByteCount ?? 0) }

  /// Goes on from a state.
  /// - Throws: `TrainingError.checkpoint` if it is of another network.
  package func resume(_ state: DiffusionState, path: String) throws(TrainingError) {
    let types = self.state.trunk.values.map(\.type)
    guard
      ([state.trunk] + state.experts.values).allSatisfy({
        $0.names == training.parameters && $0.values.map(\.type) == types
      })
    else { throw .checkpoint(path: path, detail: "it belongs to another network") }
    self.state = state
  }

  /// Copies the trunk's average for each of these prompts. From now on the copies learn.
  package func part(into prompts: [Int]) {
    for prompt in prompts {
      state.experts[prompt] = TrainingState(names: state.trunk.names, values: state.trunk.averages)
    }
  }

  /// One step. The learning rate is the schedule's at the number of all steps done unless given; each copy's
  /// rises anew over its first steps, as its moments are new.
  /// - Throws: `TrainingError.diverged` if the loss or a gradient is not finite; the state is then as
  ///   before.
  /// - Precondition: `part` has made the batch's expert.
  package func step(
    _ batch: DiffusionData.Batch, learningRate: Double? = nil
  ) throws(TrainingError) -> Trainer.Report {
    let number = state.step
    var profile: Profile?
    let found = try batchGradients.run(batch.images, shared: weights(of: batch.expert), profile: &profile)
    let norm = found.squares.reduce(0, +).squareRoot()
    guard found.loss.isFinite, norm.isFinite else { throw .diverged(step: number + 1, loss: found.loss) }
    if keepsGradients {
      gradients = Dictionary(uniqueKeysWithValues: zip(training.parameters, found.gradients))
    }
    var rate = learningRate ?? options.schedule.rate(at: number)
    if let own = batch.expert.flatMap({ state.experts[$0] }) {
      rate = LearningRateSchedule.warmedUp(rate, at: own.step, over: options.schedule.warmUpStepCount)
    }
    let scale = options.clippingScale(norm)
    func move(_ state: inout TrainingState) throws(TrainingError) {
      let next = state.step + 1
      try state.update(
        with: found.gradients, WeightUpdate(options, step: next, rate: rate, scale: scale), [],
        matrices: matrices, threadCount: threadCount)
      state.step = next
      if options.average == nil { state.averages = state.values }
    }
    if let expert = batch.expert, var own = state.experts.removeValue(forKey: expert) {
      try move(&own)
      state.experts[expert] = own
    } else {
      try move(&state.trunk)
    }
    return Trainer.Report(
      step: number + 1, loss: found.loss, gradientNorm: norm, learningRate: rate, routerAccuracy: nil)
  }

  private func weights(of expert: Int?) -> [String: Tensor] {
    guard let own = expert.map({ state.experts[$0] }) ?? state.trunk else {
      preconditionFailure("the trunk was parted before an expert learns")
    }
    return Dictionary(uniqueKeysWithValues: zip(own.names, own.values))
  }
}
