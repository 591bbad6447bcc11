import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor

/// Makes steps: gradients of a batch by the compiled graph, image by image, then the update of the weights.
/// The same state and batch give the same bytes, whatever the number of threads.
package final class Trainer {
  /// How weights are moved.
  package struct Options: Hashable, Sendable, Codable {
    package var optimizer: AdamW
    /// Moves the matrices instead of the optimizer; nil leaves them to it.
    package var muon: Muon?
    package var schedule: LearningRateSchedule
    /// The largest Euclidean norm of all gradients together; larger ones are scaled down. nil never does.
    package var clipNorm: Double?
    /// nil keeps no average: the last weights are the result.
    package var average: ParameterAverage?
    /// How much of a weight that follows another one stays at each step.
    package var followerDecay: Double

    /// The names that checkpoints have them under.
    private enum CodingKeys: String, CodingKey {
      case optimizer, muon, schedule, clipNorm, average
      case followerDecay = "controllerDecay"
    }

    package init(
      optimizer: AdamW, muon: Muon? = nil, schedule: LearningRateSchedule, clipNorm: Double? = nil,
      average: ParameterAverage? = nil, followerDecay: Double = 0.999
    ) {
      self.optimizer = optimizer
      self.muon = muon
      self.schedule = schedule
      self.clipNorm = clipNorm
      self.average = average
      self.followerDecay = followerDecay
    }

    /// The factor of gradients of this norm, as PyTorch's `clip_grad_norm_` has it.
    func clippingScale(_ norm: Double) -> Double { clipNorm.map { min($0 / (norm + 1e-6), 1) } ?? 1 }
  }

  /// The numbers of a step.
  package struct Report: Sendable {
    package var step: Int
    package var loss: Double
    package var gradientNorm: Double
    package var learningRate: Double
    /// The share of router decisions that named the task; nil without routers.
    package var routerAccuracy: Double?
  }

  package let training: TrainingGraph
  package let options: Options
  package private(set) var state: TrainingState
  private let batchGradients: BatchGradients
  private let matrices: MatrixDirections?
  private let frozen: [String: Tensor]
  private let threadCount: Int
  private let followers: [(follower: Int, leader: Int)]
  /// Followers take no gradient.
  private let isFollower: [Bool]
  /// The gradients of the latest step, by weight; for tests.
  package private(set) var gradients: [String: Tensor] = [:]
  /// Keeps `gradients`.
  package var keepsGradients = false
  /// Collects the seconds of the program's steps where there is one.
  package var profile: Profile?

  /// Compiles the graph; `weights` are the model's initializers by name. If the plan would exceed the memory
  /// limit of `runtime`, forward activations are recomputed in the backward pass. A parameter for which
  /// `leader` names another one of its type follows that one, and takes no gradient.
  /// - Throws: `TrainingError.compiler`; `.runtime` if the plan still exceeds the memory limit.
  package init(
    _ training: TrainingGraph, weights: [String: Tensor], options: Options,
    runtime: RuntimeOptions = RuntimeOptions(), leader: (String) -> String? = { _ in nil }
  ) throws(TrainingError) {
    self.training = training
    self.options = options
    threadCount = runtime.threadCount
    batchGradients = try BatchGradients(
      training.imageGradients, count: training.batch.count, runtime: runtime)
    func weight(_ name: String) throws(TrainingError) -> Tensor {
      guard let tensor = weights[name] else {
        throw .model(.tensor(name: name, detail: "the model has no initializer of this name"))
      }
      return tensor.converted(to: .float32)
    }
    var (values, others) = ([Tensor](), [String: Tensor]())
    for name in training.parameters { values.append(try weight(name)) }
    for name in training.frozen { others[name] = try weight(name) }
    state = TrainingState(names: training.parameters, values: values)
    frozen = others
    let index = Dictionary(uniqueKeysWithValues: training.parameters.enumerated().map { ($1, $0) })
    followers = training.parameters.enumerated().compactMap { follower, name in
      guard let leader = leader(name).flatMap({ index[$0] }), values[follower].type == values[leader].type
      else { return nil }
      return (follower, leader)
    }
    let following = Set(followers.map(\.follower))
    isFollower = training.parameters.indices.map { following.contains($0) }
    matrices = try MatrixDirections(
      options.muon, of: values.map(\.type), excluding: following, runtime: runtime)
  }

  /// The program of one image.
  package var program: Program { batchGradients.program }
  /// The number of nodes that recompute an activation in the backward pass, to save memory.
  package var recomputedCount: Int { batchGradients.recomputedCount }
  /// The number of images that are computed at the same time, each by a thread.
  package var imagesAtOnce: Int { batchGradients.imagesAtOnce }
  /// The bytes of the arenas of all threads, and of the matrices' directions.
  package var arenaByteCount: Int { batchGradients.arenaByteCount + (matrices?.arenaByteCount ?? 0) }
  /// The multiply-adds of a step.
  package var multiplyAddCount: Int { training.batch.count * training.graph.multiplyAddCount }

  /// Goes on from a state.
  /// - Throws: `TrainingError.checkpoint` if it is of another model.
  package func resume(_ state: TrainingState, path: String) throws(TrainingError) {
    guard state.names == self.state.names, state.values.map(\.type) == self.state.values.map(\.type) else {
      throw .checkpoint(path: path, detail: "it belongs to another model, or to other weights of it")
    }
    self.state = state
  }

  /// One step on a batch: degraded `images` and clean `targets` `[N, C, H, W]`, N being the batch's count,
  /// the number of each image's task, for routers, and its noise level, σ of 0...255, for models that take
  /// one. `learningRate` is that of the schedule unless given.
  /// - Throws: `TrainingError.diverged` if the loss or a gradient is not finite; the state is then as
  ///   before.
  package func step(
    images: Tensor, targets: Tensor, tasks: [Int], noiseLevels: [Double] = [], learningRate: Double? = nil
  ) throws(TrainingError) -> Report {
    let found = try batchGradients.run(
      inputs(images, targets, tasks, noiseLevels), shared: sharedInputs, profile: &profile)
    let number = state.step + 1
    guard found.loss.isFinite else { throw .diverged(step: number, loss: found.loss) }
    if keepsGradients {
      gradients = Dictionary(uniqueKeysWithValues: zip(state.names, found.gradients))
    }
    var square = 0.0
    for index in found.squares.indices where !isFollower[index] { square += found.squares[index] }
    let norm = square.squareRoot()
    guard norm.isFinite else { throw .diverged(step: number, loss: found.loss) }
    let rate = learningRate ?? options.schedule.rate(at: state.step)
    try state.update(
      with: found.gradients,
      WeightUpdate(options, step: number, rate: rate, scale: options.clippingScale(norm)), followers,
      matrices: matrices, threadCount: threadCount)
    state.step = number
    state.runningLoss += found.loss
    return Report(
      step: number, loss: found.loss, gradientNorm: norm, learningRate: rate,
      routerAccuracy: routerAccuracy(found.logits, tasks))
  }

  private var sharedInputs: [String: Tensor] {
    var inputs = frozen
    for (name, value) in zip(state.names, state.values) { inputs[name] = value }
    return inputs
  }

  /// The inputs of each image's own.
  private func inputs(
    _ images: Tensor, _ targets: Tensor, _ tasks: [Int], _ noiseLevels: [Double]
  ) -> [[String: Tensor]] {
    let count = training.batch.count
    precondition(
      images.type == targets.type
        && images.type.shape == Shape([count] + training.imageType.shape.dropFirst()),
      "the batch has the shape that was planned for")
    precondition(training.noise == nil || noiseLevels.count == count, "each image has a noise level")
    return (0..<count).map { index in
      var inputs = [
        training.imageName: image(index, of: images), TrainingGraph.targetName: image(index, of: targets),
      ]
      if let noise = training.noise {
        inputs[noise.name] = Tensor([Float(noiseLevels[index] / 255)], shape: noise.shape)
      }
      if training.routerCount > 0 {
        var hot = [Float](repeating: 0, count: training.taskCount)
        hot[tasks[index]] = 1
        inputs[TrainingGraph.tasksName] = Tensor(hot, shape: [1, training.taskCount])
      }
      return inputs
    }
  }

  private func image(_ index: Int, of batch: Tensor) -> Tensor {
    let type = training.imageType
    return Tensor(type) { bytes in
      batch.withUnsafeBytes { all in
        bytes.copyMemory(
          from: UnsafeRawBufferPointer(
            rebasing: all[(index * type.byteCount)..<((index + 1) * type.byteCount)]))
      }
    }
  }

  private func routerAccuracy(_ logits: [[Tensor]], _ tasks: [Int]) -> Double? {
    guard training.routerCount > 0 else { return nil }
    var right = 0
    for (task, routers) in zip(tasks, logits) {
      for router in routers {
        let values = router.floats
        if values.firstIndex(of: values.max() ?? 0) == task { right += 1 }
      }
    }
    return Double(right) / Double(training.routerCount * tasks.count)
  }

  /// The weights that the model is to be frozen with: the average where one is kept.
  package var result: [String: Tensor] {
    let chosen = options.average == nil ? state.values : state.averages
    return Dictionary(uniqueKeysWithValues: zip(state.names, chosen))
  }
}
