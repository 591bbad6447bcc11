import IRCompiler
import IRGraph
import IRRuntime
import IRTensor
import Synchronization

/// A graph of one image's loss, of its gradients by the weights, and of routers' logits, under the names that
/// `TrainingGraph` gives them.
struct ImageGradients: Sendable {
  var graph: Graph
  /// The inputs that each image of a batch has its own of; the others are the weights.
  var inputNames: Set<String>
  /// The weights that have a gradient.
  var parameters: [String]
  var routerCount = 0
}

/// The gradients of a batch, computed image by image.
///
/// Values that depend on the weights alone, such as their transposes for the backward pass, are computed once
/// a step. Each thread carries whole images forward and backward through an arena of its own; threads meet
/// once a step. Gradients are added in the order of the images, so that their bits depend neither on the
/// number of threads nor on which thread took which image.
final class BatchGradients {
  /// The program of one image.
  let program: Program
  /// The number of nodes that recompute an activation in the backward pass, to save memory.
  let recomputedCount: Int
  private let training: ImageGradients
  /// Computes what all images have in common.
  private let common: Session
  /// One for each image that is computed at the same time.
  private let sessions: [Session]

  /// The means over a batch, and each image's logits.
  struct Result {
    var loss: Double
    /// In the order of the parameters.
    var gradients: [Tensor]
    /// By image, then by router: the logits `[1, taskCount]`.
    var logits: [[Tensor]]
  }

  /// Compiles `training.graph` for batches of `count` images. A batch of at least as many images as threads
  /// gives each thread images of its own; of a smaller one, all threads share each image.
  /// - Throws: `TrainingError.compiler`; `.runtime` if the arenas do not fit the memory.
  init(_ training: ImageGradients, count: Int, runtime: RuntimeOptions) throws(TrainingError) {
    self.training = training
    var lanes = count >= runtime.threadCount ? runtime.threadCount : 1
    var own = runtime
    if lanes > 1 { own.threadCount = 1 }
    var (program, recomputedCount): (Program, Int)
    let common: Program
    do throws(CompilerError) {
      let compiler = Compiler(threadCount: own.threadCount)
      let (graph, report) = try compiler.simplified(training.graph)
      let parts = graph.parted(own: training.inputNames)
      common = try Compiler(threadCount: runtime.threadCount).lowered(parts.common, report)
      while true {
        let limit = (runtime.memoryLimit - common.byteCount) / lanes
        (program, recomputedCount) = try Trainer.program(
          for: parts.rest, report, compiler, memoryLimit: limit)
        own.memoryByteCount = limit
        if lanes == 1 || program.byteCount <= limit { break }
        // Fewer images at the same time have more memory each.
        lanes /= 2
      }
    } catch { throw .compiler(error) }
    self.program = program
    self.recomputedCount = recomputedCount
    do throws(RuntimeError) {
      self.common = try Session(common, options: runtime)
      var sessions: [Session] = []
      for _ in 0..<lanes { sessions.append(try Session(program, options: own)) }
      self.sessions = sessions
    } catch { throw .runtime(error) }
  }

  /// The bytes of the arenas of all threads.
  var arenaByteCount: Int {
    sessions.count * program.memoryPlan.peakByteCount + common.program.memoryPlan.peakByteCount
  }

  /// Runs the program once for each of `images`, its own inputs; `shared` are the inputs that all have in
  /// common.
  /// - Throws: `TrainingError.runtime`.
  func run(
    _ images: [[String: Tensor]], shared: [String: Tensor], profile: inout Profile?
  ) throws(TrainingError) -> Result {
    var shared = shared
    do { shared.merge(try common.run(shared)) { $1 } } catch { throw .runtime(error) }
    let sum = OrderedSum(training)
    var profiles = [Profile?](repeating: profile == nil ? nil : Profile(), count: sessions.count)
    profiles.withUnsafeMutableBufferPointer { profiles in
      parallelFor(images.count, threadCount: sessions.count) { image, thread in
        let inputs = shared.merging(images[image]) { $1 }
        do throws(RuntimeError) {
          sum.add(.success(try sessions[thread].run(inputs, profile: &profiles[thread])), of: image)
        } catch { sum.add(.failure(error), of: image) }
      }
    }
    for case let own? in profiles { profile?.add(own) }
    return try sum.mean(count: images.count)
  }
}

/// Adds up what images of a batch give, in their order.
private final class OrderedSum: Sendable {
  private struct State {
    var next = 0
    /// Results of images whose turn has not come.
    var early: [Int: Swift.Result<[String: Tensor], RuntimeError>] = [:]
    var total: BatchGradients.Result?
    var error: RuntimeError?
  }

  private let lossName = TrainingGraph.lossName
  private let gradientNames: [String]
  private let logitsNames: [String]
  private let state = Mutex(State())

  init(_ training: ImageGradients) {
    gradientNames = training.parameters.map { TrainingGraph.gradientName($0) }
    logitsNames = (0..<training.routerCount).map { TrainingGraph.logitsName($0) }
  }

  func add(_ result: Swift.Result<[String: Tensor], RuntimeError>, of image: Int) {
    state.withLock { state in
      state.early[image] = result
      while let next = state.early.removeValue(forKey: state.next) {
        state.next += 1
        switch next {
        case .success(let values): add(values, to: &state.total)
        case .failure(let error): if state.error == nil { state.error = error }
        }
      }
    }
  }

  private func add(_ values: [String: Tensor], to total: inout BatchGradients.Result?) {
    func value(_ name: String) -> Tensor {
      guard let tensor = values[name] else { preconditionFailure("the program computes \(name)") }
      return tensor
    }
    let loss = value(lossName).doubles[0]
    let logits = logitsNames.map(value)
    guard var sum = total else {
      total = BatchGradients.Result(loss: loss, gradients: gradientNames.map(value), logits: [logits])
      return
    }
    // So that the sums have one owner, and are added to in place.
    total = nil
    sum.loss += loss
    sum.logits.append(logits)
    for (index, name) in gradientNames.enumerated() {
      value(name).withElements(as: Float.self) { addend in
        sum.gradients[index].withFloats { sums in
          for i in 0..<sums.count { sums[i] += addend[i] }
        }
      }
    }
    total = sum
  }

  /// - Throws: `TrainingError.runtime`, the error of the first image that has one.
  func mean(count: Int) throws(TrainingError) -> BatchGradients.Result {
    let (total, error) = state.withLock { state in
      defer { state.total = nil }
      return (state.total, state.error)
    }
    if let error { throw .runtime(error) }
    guard var mean = total else { preconditionFailure("a batch has an image") }
    mean.loss /= Double(count)
    let share = 1 / Float(count)
    if count > 1 {
      for index in mean.gradients.indices {
        mean.gradients[index].withFloats { for i in $0.indices { $0[i] *= share } }
      }
    }
    return mean
  }
}
