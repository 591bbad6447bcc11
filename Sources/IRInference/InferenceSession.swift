import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor
import Synchronization

/// Runs an ONNX model on tensors, by name.
///
/// A program is compiled for the types of the inputs, and for their values if shapes depend on them. The
/// latest programs are kept. Several threads may use a session; their runs follow one another.
public final class InferenceSession: Sendable {
  /// The model.
  public let model: ONNXModel
  /// The model's name in errors.
  public let name: String
  /// Threads, memory limit and precision of the runs.
  public let options: RuntimeOptions
  private let weights = PackedWeights()
  private let turn = Mutex(())
  /// Used by the thread that has its turn; the latest is used last.
  private nonisolated(unsafe) var compiled: [Compiled] = []
  private let kept = Atomic(0)
  /// The needs of the latest programs, those that were given up included.
  private let prepared = Mutex<[Prepared]>([])
  private static let preparedLimit = 16
  private static let countLimit = 4
  /// Bytes that the programs beside the latest may hold in their arenas.
  private static let keptByteCountLimit = 1 << 30

  /// A program and the inputs that it was compiled for.
  private struct Compiled {
    var kind: Inputs
    var session: Session
  }

  /// The bytes that a run on such inputs takes.
  private struct Prepared {
    var kind: Inputs
    var byteCount: Int
  }

  /// Inputs for which one program serves.
  private struct Inputs {
    var types: [String: TensorType]
    /// The inputs whose values became constants.
    var values: [String: Tensor]

    func fits(_ inputs: [String: Tensor]) -> Bool {
      types == inputs.mapValues(\.type) && values.allSatisfy { inputs[$0.key] == $0.value }
    }
  }

  /// Reads a model and maps its external data.
  /// - Throws: `ONNXError`.
  public convenience init(
    contentsOf path: String, options: RuntimeOptions = RuntimeOptions()
  ) throws(ONNXError) {
    self.init(try ONNXModel(contentsOf: path), name: path, options: options)
  }

  /// Reads a model from bytes, which are copied. A model with external data cannot run: there is no folder
  /// for them.
  /// - Throws: `ONNXError`.
  public convenience init(
    bytes: UnsafeRawBufferPointer, name: String = "model", options: RuntimeOptions = RuntimeOptions()
  ) throws(ONNXError) {
    self.init(try ONNXModel(bytes: bytes, path: name), name: name, options: options)
  }

  /// Makes a session of a model.
  public init(_ model: ONNXModel, name: String = "model", options: RuntimeOptions = RuntimeOptions()) {
    self.model = model
    self.name = name
    self.options = options
  }

  /// The inputs of the model, in its order.
  public var inputs: [InferencePort] { model.graphInputs.map { InferencePort($0) } }
  public var outputs: [InferencePort] { model.graph.outputs.map { InferencePort($0) } }

  /// As the public `run`; `profile` collects the seconds of each step.
  /// - Returns: the outputs, and the program that made them.
  package func run(
    _ inputs: [String: Tensor], profile: inout Profile?,
    monitor: ((_ done: Int, _ count: Int) -> Bool)? = nil
  ) throws -> (outputs: [String: Tensor], program: Program) {
    try check(inputs)
    return try turn.withLock { _ in
      let session = try session(for: inputs)
      return (try session.run(inputs, profile: &profile, monitor: monitor), session.program)
    }
  }

  /// Compiles the program for such inputs, for a run that follows.
  /// - Returns: the bytes that the run takes, with inputs and outputs.
  /// - Throws: as `run`.
  public func prepare(_ inputs: [String: Tensor]) throws -> Int {
    try check(inputs)
    return try turn.withLock { _ in try session(for: inputs).program.byteCount }
  }

  /// The bytes that `prepare` returns for such inputs, if one of the latest programs was compiled for them;
  /// nil if none was. Unlike `prepare` it does not wait for a run that is under way.
  public func preparedByteCount(_ inputs: [String: Tensor]) -> Int? {
    prepared.withLock { all in all.last { $0.kind.fits(inputs) }?.byteCount }
  }

  /// Bytes of memory that is kept for the next runs.
  public var keptByteCount: Int { kept.load(ordering: .relaxed) }

  /// Releases this memory, unless a run is under way.
  /// - Returns: whether it was released.
  public func dropPrograms() -> Bool {
    turn.withLockIfAvailable { _ -> Bool in
      compiled = []
      kept.store(0, ordering: .relaxed)
      return true
    } ?? false
  }

  private func check(_ inputs: [String: Tensor]) throws {
    let declared = self.inputs
    let known = Set(declared.map(\.name))
    for name in inputs.keys.sorted() where !known.contains(name) {
      guard let dot = name.lastIndex(of: "."), known.contains(String(name[..<dot])) else {
        throw ONNXError.tensor(
          name: name,
          detail: "the model has no such input; it takes \(known.sorted().joined(separator: ", "))")
      }
    }
    if let missing = declared.first(where: { $0.kind == .tensor && inputs[$0.name] == nil }) {
      throw RuntimeError.missingInput(name: missing.name)
    }
  }

  /// Runs the model.
  ///
  /// Inputs and outputs go by name. The elements of a sequence are named `name.0`, `name.1`, …; an optional
  /// without an element has no tensor. `monitor` is called as `RuntimeOptions.monitor` is.
  /// - Throws: `ONNXError`, `RuntimeError`, or an error whose description says why the model cannot be
  ///   compiled.
  public func run(
    _ inputs: [String: Tensor], monitor: ((_ done: Int, _ count: Int) -> Bool)? = nil
  ) throws -> [String: Tensor] {
    var profile: Profile?
    return try run(inputs, profile: &profile, monitor: monitor).outputs
  }

  private func session(for inputs: [String: Tensor]) throws -> Session {
    if let index = compiled.firstIndex(where: { $0.kind.fits(inputs) }) {
      compiled.append(compiled.remove(at: index))
      return compiled[compiled.count - 1].session
    }
    func byteCount() -> Int { compiled.reduce(0) { $0 + $1.session.program.memoryPlan.peakByteCount } }
    // A stated limit is for one program and what is kept beside it.
    let limit = options.memoryByteCount == nil ? Self.keptByteCountLimit : 0
    while compiled.count >= Self.countLimit || (!compiled.isEmpty && byteCount() > limit) {
      compiled.removeFirst()
    }
    let fresh = try compile(inputs)
    compiled.append(fresh)
    kept.store(byteCount(), ordering: .relaxed)
    let known = Prepared(kind: fresh.kind, byteCount: fresh.session.program.byteCount)
    prepared.withLock { all in
      all.removeAll { $0.kind.fits(inputs) }
      if all.count >= Self.preparedLimit { all.removeFirst() }
      all.append(known)
    }
    return fresh.session
  }

  private func compile(_ inputs: [String: Tensor]) throws -> Compiled {
    // The caller's memory may be gone when a constant is read.
    let inputs = inputs.mapValues { input in
      input.withUnsafeBytes { bytes in Tensor(input.type) { $0.copyMemory(from: bytes) } }
    }
    let graph = try ONNXImporter(model, path: name).graph(for: inputs)
    let program = try Compiler(
      threadCount: options.threadCount, weights: weights, memoryByteCount: options.memoryLimit,
      allowsFloat16Storage: options.allowsFloat16Storage, precision: options.precision
    ).compile(graph)
    let taken = Set(graph.inputs.map { graph[$0].name })
    let kind = Inputs(types: inputs.mapValues(\.type), values: inputs.filter { !taken.contains($0.key) })
    return Compiled(kind: kind, session: try Session(program, options: options))
  }
}
