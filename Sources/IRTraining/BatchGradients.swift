import IRCompiler
import IRGraph
import IRRuntime
import IRTensor

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
/// What depends on the weights alone is computed once a step: their transposes for the backward pass, and the
/// order in which kernels read them. Each thread carries whole images forward and backward through an arena
/// of its own; threads meet once a step. Gradients are added in a fixed order, so that their bits depend
/// neither on the number of threads nor on which thread took which image.
final class BatchGradients {
  /// The program of one image.
  let program: Program
  /// The number of nodes that recompute an activation in the backward pass, to save memory.
  let recomputedCount: Int
  private let training: ImageGradients
  private let threadCount: Int
  /// Computes what all images have in common.
  private let common: Session
  /// Those of the images' common inputs that kernels pack.
  private let packed: PackedInputs
  /// One for each image that is computed at the same time.
  private let sessions: [Session]
  private let sum: OrderedSum

  /// The means over a batch, and each image's logits.
  struct Result {
    var loss: Double
    /// In the order of the parameters.
    var gradients: [Tensor]
    /// The sums of the gradients' squares, in the same order.
    var squares: [Double]
    /// By image, then by router: the logits `[1, taskCount]`.
    var logits: [[Tensor]]
  }

  /// Compiles `training.graph` for batches of `count` images. A batch of at least as many images as threads
  /// gives each thread images of its own. Of a smaller one, and in memory for one arena, all threads share
  /// each image.
  /// - Throws: `TrainingError.compiler`; `.runtime` if the arenas do not fit the memory.
  init(_ training: ImageGradients, count: Int, runtime: RuntimeOptions) throws(TrainingError) {
    self.training = training
    threadCount = runtime.threadCount
    var lanes = count >= runtime.threadCount ? runtime.threadCount : 1
    var own = runtime
    var (program, recomputedCount): (Program, Int)
    let common: Program
    do throws(CompilerError) {
      var compiler = Compiler(threadCount: runtime.threadCount, precision: runtime.precision)
      let (graph, report) = try compiler.simplified(training.graph)
      let parts = graph.parted(own: training.inputNames)
      common = try Compiler(threadCount: runtime.threadCount).lowered(parts.common, report)
      // As much as is packed of them, at most.
      let packedByteCount = parts.rest.inputs.map { parts.rest[$0] }
        .reduce(0) { $0 + (training.inputNames.contains($1.name) ? 0 : $1.type.byteCount) }
      while true {
        let limit = (runtime.memoryLimit - common.byteCount - packedByteCount) / lanes
        own.threadCount = lanes > 1 ? 1 : runtime.threadCount
        compiler.options.threadCount = own.threadCount
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
    packed = PackedInputs(
      of: program, names: Set(program.inputs.map(\.name)).subtracting(training.inputNames))
    sum = OrderedSum(training, count: count, program)
    do throws(RuntimeError) {
      self.common = try Session(common, options: runtime)
      var sessions: [Session] = []
      for _ in 0..<lanes { sessions.append(try Session(program, options: own)) }
      self.sessions = sessions
    } catch { throw .runtime(error) }
  }

  /// The number of images that are computed at the same time.
  var imagesAtOnce: Int { sessions.count }

  /// The bytes of the arenas of all threads.
  var arenaByteCount: Int {
    sessions.count * program.memoryPlan.peakByteCount + common.program.memoryPlan.peakByteCount
  }

  /// Runs the program once for each of `images`, its own inputs; `shared` are the inputs that all have in
  /// common.
  /// - Throws: `TrainingError.runtime`, the error of the first image that has one.
  func run(
    _ images: [[String: Tensor]], shared: [String: Tensor], profile: inout Profile?
  ) throws(TrainingError) -> Result {
    let shared = try withCommonValues(shared)
    packed.pack(shared, threadCount: threadCount)
    sum.start()
    var profiles = [Profile?](repeating: profile == nil ? nil : Profile(), count: sessions.count)
    profiles.withUnsafeMutableBufferPointer { profiles in
      parallelFor(images.count, threadCount: sessions.count) { image, thread in
        let inputs = shared.merging(images[image]) { $1 }
        do throws(RuntimeError) {
          try sessions[thread].run(inputs, packed: packed, profile: &profiles[thread]) { outputs in
            sum.add(outputs, of: image)
          }
        } catch { sum.fail(error, of: image) }
      }
    }
    for case let own? in profiles { profile?.add(own) }
    return try sum.mean(count: images.count, threadCount: threadCount)
  }

  /// The inputs, and what is computed of them for all images, where it lies.
  private func withCommonValues(_ shared: [String: Tensor]) throws(TrainingError) -> [String: Tensor] {
    var all = shared
    var none: Profile?
    do throws(RuntimeError) {
      try common.run(shared, profile: &none) { outputs in
        for (port, address) in zip(common.program.outputs, outputs) {
          let storage = TensorStorage(
            borrowing: UnsafeMutableRawPointer(mutating: address), byteCount: port.type.byteCount,
            release: { _ in })
          all[port.name] = Tensor(port.type, storage: storage)
        }
      }
    } catch { throw .runtime(error) }
    return all
  }
}
