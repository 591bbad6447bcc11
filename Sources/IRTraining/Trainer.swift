import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor

/// Makes steps: gradients of a batch by the compiled graph, then the update of the weights. The same state and
/// batch give the same bytes, whatever the number of threads.
package final class Trainer {
  /// How weights are moved.
  package struct Options: Hashable, Sendable, Codable {
    package var optimizer: AdamW
    package var schedule: LearningRateSchedule
    /// The largest Euclidean norm of all gradients together; larger ones are scaled down. nil never does.
    package var clipNorm: Double?
    /// nil keeps no average: the last weights are the result.
    package var average: ParameterAverage?
    /// How much of DaAIR's controllers stays at each step.
    package var controllerDecay: Double

    package init(
      optimizer: AdamW, schedule: LearningRateSchedule, clipNorm: Double? = nil,
      average: ParameterAverage? = nil, controllerDecay: Double = 0.999
    ) {
      self.optimizer = optimizer
      self.schedule = schedule
      self.clipNorm = clipNorm
      self.average = average
      self.controllerDecay = controllerDecay
    }
  }

  /// What a step found.
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
  package let program: Program
  /// How many nodes of the program compute a value again, for want of memory.
  package let recomputedCount: Int
  package private(set) var state: TrainingState
  private let session: Session
  private let frozen: [String: Tensor]
  private let controllers: [(follower: Int, leader: Int)]
  /// Followers take no gradient.
  private let isFollower: [Bool]
  /// The gradients of the latest step, by weight; for tests.
  package private(set) var gradients: [String: Tensor] = [:]
  /// Keeps `gradients`.
  package var keepsGradients = false
  /// Collects the seconds of the program's steps where there is one.
  package var profile: Profile?

  /// Compiles the graph; `weights` are the model's initializers by name. Where the plan would exceed the memory that
  /// `runtime` allows, values of the way there are computed again on the way back.
  /// - Throws: `TrainingError.compiler`, `.runtime` where the plan does not fit the memory even so.
  package init(
    _ training: TrainingGraph, weights: [String: Tensor], options: Options,
    runtime: RuntimeOptions = RuntimeOptions()
  ) throws(TrainingError) {
    self.training = training
    self.options = options
    (program, recomputedCount) = try Self.program(for: training.graph, runtime: runtime)
    do { session = try Session(program, options: runtime) } catch { throw .runtime(error) }
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
    let update = ControllerUpdate(parameters: training.parameters, decay: options.controllerDecay)
    let index = Dictionary(uniqueKeysWithValues: training.parameters.enumerated().map { ($1, $0) })
    controllers = update.pairs.compactMap { pair in
      guard let follower = index[pair.follower], let leader = index[pair.leader],
        values[follower].type == values[leader].type
      else { return nil }
      return (follower, leader)
    }
    let followers = Set(controllers.map(\.follower))
    isFollower = training.parameters.indices.map { followers.contains($0) }
  }

  /// Goes on from a state.
  /// - Throws: `TrainingError.checkpoint` where it is of another model.
  package func resume(_ state: TrainingState, path: String) throws(TrainingError) {
    guard state.names == self.state.names, state.values.map(\.type) == self.state.values.map(\.type) else {
      throw .checkpoint(path: path, detail: "it is of another model, or of other weights of it")
    }
    self.state = state
  }

  /// One step on a batch: degraded `images` and clean `targets` of the model's image type, and the number of each
  /// image's task, for routers.
  /// - Throws: `TrainingError.diverged` where the loss or a gradient is no number; the state is then as before.
  package func step(images: Tensor, targets: Tensor, tasks: [Int]) throws(TrainingError) -> Report {
    let results = try gradients(images, targets, tasks)
    guard let loss = results[TrainingGraph.lossName]?.doubles.first else {
      preconditionFailure("the graph has a loss")
    }
    let number = state.step + 1
    guard loss.isFinite else { throw .diverged(step: number, loss: loss) }
    let slopes = state.names.map { name -> Tensor in
      guard let tensor = results[TrainingGraph.gradientName(name)] else {
        preconditionFailure("the graph has a gradient of \(name)")
      }
      return tensor
    }
    if keepsGradients { gradients = Dictionary(uniqueKeysWithValues: zip(state.names, slopes)) }
    var square = 0.0
    for (index, slope) in slopes.enumerated() where !isFollower[index] { square += sumOfSquares(slope) }
    let norm = square.squareRoot()
    guard norm.isFinite else { throw .diverged(step: number, loss: loss) }
    // As PyTorch's clip_grad_norm_ has it.
    let scale = options.clipNorm.map { min($0 / (norm + 1e-6), 1) } ?? 1
    let rate = options.schedule.rate(at: state.step)
    update(slopes, step: number, rate: rate, scale: scale)
    state.step = number
    state.runningLoss += loss
    return Report(
      step: number, loss: loss, gradientNorm: norm, learningRate: rate,
      routerAccuracy: routerAccuracy(results, tasks))
  }

  private func gradients(
    _ images: Tensor, _ targets: Tensor, _ tasks: [Int]
  ) throws(TrainingError) -> [String: Tensor] {
    var inputs = frozen
    inputs[training.imageName] = images
    inputs[TrainingGraph.targetName] = targets
    if training.routerCount > 0 {
      var hot = [Float](repeating: 0, count: tasks.count * training.taskCount)
      for (image, task) in tasks.enumerated() { hot[image * training.taskCount + task] = 1 }
      inputs[TrainingGraph.tasksName] = Tensor(hot, shape: [tasks.count, training.taskCount])
    }
    for (name, value) in zip(state.names, state.values) { inputs[name] = value }
    do { return try session.run(inputs, profile: &profile) } catch { throw .runtime(error) }
  }

  private func update(_ slopes: [Tensor], step: Int, rate: Double, scale: Double) {
    // Out of the state while they change, so that nobody else holds them and nothing is copied.
    var (values, firsts, seconds, averages) = (
      state.values, state.firstMoments, state.secondMoments, state.averages
    )
    (state.values, state.firstMoments, state.secondMoments, state.averages) = ([], [], [], [])
    defer {
      (state.values, state.firstMoments, state.secondMoments, state.averages) = (
        values, firsts, seconds, averages
      )
    }
    for index in slopes.indices where !isFollower[index] {
      slopes[index].withElements(as: Float.self) { slope in
        values[index].withFloats { value in
          firsts[index].withFloats { first in
            seconds[index].withFloats { second in
              options.optimizer.update(
                value, gradient: slope, first: first, second: second, step: step, learningRate: rate,
                scale: scale)
            }
          }
        }
      }
    }
    for (follower, leader) in controllers {
      let leading = values[leader]
      leading.withElements(as: Float.self) { leader in
        values[follower].withFloats {
          ParameterAverage.update($0, with: leader, decay: options.controllerDecay)
        }
      }
    }
    guard let average = options.average else { return }
    let decay = average.decay(at: step)
    for index in values.indices {
      let value = values[index]
      value.withElements(as: Float.self) { source in
        averages[index].withFloats { ParameterAverage.update($0, with: source, decay: decay) }
      }
    }
  }

  private func sumOfSquares(_ tensor: Tensor) -> Double {
    tensor.withElements(as: Float.self) { values in
      var sums = (0.0, 0.0, 0.0, 0.0)
      var i = 0
      while i + 4 <= values.count {
        sums.0 += Double(values[i]) * Double(values[i])
        sums.1 += Double(values[i + 1]) * Double(values[i + 1])
        sums.2 += Double(values[i + 2]) * Double(values[i + 2])
        sums.3 += Double(values[i + 3]) * Double(values[i + 3])
        i += 4
      }
      while i < values.count {
        sums.0 += Double(values[i]) * Double(values[i])
        i += 1
      }
      return (sums.0 + sums.1) + (sums.2 + sums.3)
    }
  }

  private func routerAccuracy(_ results: [String: Tensor], _ tasks: [Int]) -> Double? {
    guard training.routerCount > 0 else { return nil }
    var right = 0
    for router in 0..<training.routerCount {
      guard let logits = results[TrainingGraph.logitsName(router)]?.floats else { continue }
      for (image, task) in tasks.enumerated() {
        let own = logits[(image * training.taskCount)..<((image + 1) * training.taskCount)]
        if own.firstIndex(of: own.max() ?? 0) == own.startIndex + task { right += 1 }
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
