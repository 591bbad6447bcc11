import IRCompiler
import IRGraph
import IRONNX
import IRRestorers
import IRRuntime

/// Restores images with one model.
///
/// A program is compiled for each new image size, and the programs of the last few sizes are kept. A restorer
/// is used by one thread at a time; `SharedRestorer` serves several.
///
/// ```swift
/// let restorer = try Restorer(model: "symunet-s")
/// let restored = try restorer.restore(try ImageFile.read("noisy.png"))
/// try ImageFile.write(restored, to: "restored.png")
/// ```
public final class Restorer {
  /// The model's file.
  public let path: String
  public let options: RuntimeOptions
  public internal(set) var settings: RestorationSettings
  /// The meaning of the file.
  package let model: RestorationModel
  /// Packed once for all sizes.
  private let weights = PackedWeights()
  /// The latest used last.
  private var sessions: [KeptSession] = []
  private static let sessionLimit = 4
  /// The sessions kept beside the latest may hold this much memory in their arenas.
  private static let keptByteCountLimit = 1 << 30
  /// Results of analysing the graph and its memory, kept for the next picture.
  var receptiveField: Result<ReceptiveField, ReceptiveField.Unbounded>?
  var memoryModel: MemoryModel?
  /// The runs of the restoration at hand, where the settings ask for them.
  var profile: RestorationProfile?
  /// That of the restoration at hand.
  var noiseLevel: NoiseLevel?

  private struct KeptSession {
    var height: Int
    var width: Int
    /// Whether it computes the file's other outputs too.
    var keepsOutputs: Bool
    var session: Session
  }

  /// Reads a model.
  /// - Parameters:
  ///   - name: A model file, or the name or role of a model in the catalogue.
  ///   - catalogue: The models that are known by name.
  ///   - multiple: The number, 1...4096, that height and width are padded to a multiple of. nil: the one that
  ///     the model's metadata state, else the smallest that its graph accepts.
  ///   - options: Threads, memory limit and precision.
  ///   - settings: Choices of the restoration.
  /// - Throws: `RestorationError`, or `ONNXError` if the file is not a model.
  public init(
    model name: String, in catalogue: ModelCatalogue = .installed(), multiple: Int? = nil,
    options: RuntimeOptions = RuntimeOptions(), settings: RestorationSettings = RestorationSettings()
  ) throws {
    let path = try catalogue.path(of: name)
    self.path = path
    self.options = options
    self.settings = settings
    func refusal(_ detail: String) -> RestorationError { .notARestorer(path: path, detail: detail) }
    var model: RestorationModel
    do {
      model = try RestorationModel(
        try ONNXModel(contentsOf: path), path: path, wishes: settings.wishes(multiple: multiple))
    } catch let error as RestorerRefusal { throw refusal("\(error)") }
    if let missing = model.missing(settings) { throw refusal(missing) }
    if let chosen = try model.likeliestOutput(settings, options) { model.output = chosen }
    self.model = model
    try checkBlending()
  }

  /// Sets the strength of the next restorations.
  /// - Throws: `RestorationError.notARestorer` if the input cannot be blended with the result.
  func blend(by strength: Double) throws(RestorationError) {
    settings.strength = strength
    try checkBlending()
  }

  private func checkBlending() throws(RestorationError) {
    let (given, made) = (channelCount, resultChannelCount)
    guard given != made, !settings.isWhole else { return }
    throw .notARestorer(
      path: path,
      detail:
        "strength and detail must be 1 and 0: its result has \(made) channel\(made == 1 ? "" : "s"), its input "
        + "\(given)")
  }

  /// The number that height and width are padded to a multiple of; results are cropped back.
  public var multiple: Int { model.sides.multiple }
  /// Channels of the model's input: 1 or 3.
  public var channelCount: Int { model.channelCount }
  /// Channels of the model's output: 1 or 3.
  public var resultChannelCount: Int { model.output.channelCount }
  /// The upscaling factor: output side / input side.
  public var scale: Int { model.scale }
  /// The sides that the model fixes; nil: open. Images with other sides are restored in tiles.
  public var fixedSides: (height: Int?, width: Int?) { model.fixedSides }
  /// The model's output that is the restored image.
  public var outputName: String { model.output.name }
  /// Assumptions about the model that its file does not state, in sentences.
  public var notes: [String] { model.notes }

  /// The program for images of this size. If it would take more than `byteCount` bytes with its inputs and
  /// outputs, its memory is reduced by recomputation and, if allowed, by float16 storage, as far as that
  /// goes.
  func program(
    height: Int, width: Int, within byteCount: Int? = nil, allowsFloat16Storage: Bool = false,
    keepsOutputs: Bool = false
  ) throws -> Program {
    try Compiler(
      threadCount: options.threadCount, weights: weights, memoryByteCount: byteCount,
      allowsFloat16Storage: allowsFloat16Storage, precision: options.precision,
      formsFollowSizes: fixedSides.height != nil && fixedSides.width != nil
    ).compile(try model.graph(height: height, width: width, keepsOutputs: keepsOutputs))
  }

  /// The decisions of the model's routers for an image, `[N, learners, experts]`; nil if it has no routers.
  /// - Throws: `RestorationError.unsuitableImage` if the image is larger than the model's fixed sides.
  package func routing(of image: Image) throws -> Tensor? {
    guard model.metadata.hasRouting else { return nil }
    let prepared = try prepared(image)
    let source = prepared.sources[0]
    noiseLevel = noiseLevel(of: prepared)
    let (height, width) = (
      fixedSides.height ?? padded(source.height), fixedSides.width ?? padded(source.width)
    )
    guard source.height <= height, source.width <= width else {
      throw RestorationError.unsuitableImage(
        detail:
          "the image has \(image.height) rows of \(image.width) pixels, the model takes \(height) of \(width)"
      )
    }
    let planes = Tensor(source.samples, shape: [1, source.count, source.height, source.width])
    let input = planes.reflectPadded(height: height, width: width)
    let session = try session(height: height, width: width, keepsOutputs: true)
    return try session.run(inputs(input, of: session.program))[RestorerMetadata.Key.routing]
  }

  /// Runs the model on planes `[1, planes, H, W]` of sides that it accepts. `planned` is the program for
  /// these sides or for the other orientation. `reduction` is the factor by which the planes were reduced;
  /// means over pixels have less noise.
  func run(_ input: Tensor, planned: Program? = nil, reduction: Int = 1) throws -> Tensor {
    let session = try session(height: input.shape[2], width: input.shape[3], planned: planned)
    var profile: Profile? = self.profile == nil ? nil : Profile()
    let start = ContinuousClock.now
    let inputs = inputs(input, of: session.program, reduction: reduction)
    let result = try session.run(inputs, profile: &profile)[outputName]
    if let profile {
      self.profile?.runs.append(
        RestorationProfile.Run(program: session.program, profile: profile, start: start))
    }
    return try checked(result, of: input)
  }

  private func inputs(_ planes: Tensor, of program: Program, reduction: Int = 1) -> [String: Tensor] {
    var inputs = [model.image.name: planes]
    if let name = model.noiseName, let port = program.inputs.first(where: { $0.name == name }) {
      inputs[name] = noise(port.type, reduction: reduction)
    }
    return inputs
  }

  /// The noise level as the model takes it, in every element of its input.
  private func noise(_ type: TensorType, reduction: Int = 1) -> Tensor {
    Tensor(type, repeating: noiseValue(reduction: reduction))
  }

  /// As `run`, by the operators' definitions.
  func interpret(_ input: Tensor, progress: ((Int, Int) -> Void)?) throws -> Tensor {
    let graph = try model.graph(height: input.shape[2], width: input.shape[3])
    var inputs = [model.image.name: input]
    if let name = model.noiseName, let value = graph.inputs.first(where: { graph[$0].name == name }) {
      inputs[name] = noise(graph[value].type)
    }
    return try checked(try GraphInterpreter(graph).run(inputs, progress: progress)[outputName], of: input)
  }

  private func checked(_ output: Tensor?, of input: Tensor) throws -> Tensor {
    let expected: Shape = [1, resultChannelCount, scale * input.shape[2], scale * input.shape[3]]
    guard let output, output.shape == expected, output.elementType == .float32 else {
      throw RestorationError.notARestorer(
        path: path, detail: "its output is \(output.map { "\($0.type)" } ?? "missing") for \(input.shape)")
    }
    return output
  }

  /// A session for images of this size: one that is kept, or a new one of the planned program. If that is for
  /// the other orientation, a program of the same restraint is compiled.
  private func session(
    height: Int, width: Int, planned: Program? = nil, keepsOutputs: Bool = false
  ) throws -> Session {
    let known = sessions.firstIndex {
      ($0.height, $0.width, $0.keepsOutputs) == (height, width, keepsOutputs)
    }
    if let known {
      sessions.append(sessions.remove(at: known))
      return sessions[sessions.count - 1].session
    }
    let program: Program
    let shape = planned?.inputs.first { $0.name == model.image.name }?.type.shape
    if let planned, let shape, shape[2] == height, shape[3] == width {
      program = planned
    } else {
      program = try self.program(
        height: height, width: width, within: planned?.byteCount,
        allowsFloat16Storage: planned.map { !$0.float16Values.isEmpty } ?? false, keepsOutputs: keepsOutputs)
    }
    let limit = options.memoryByteCount == nil ? Self.keptByteCountLimit : 0
    while sessions.count >= Self.sessionLimit || (!sessions.isEmpty && keptByteCount > limit) {
      sessions.removeFirst()
    }
    let session = try Session(program, options: options)
    sessions.append(KeptSession(height: height, width: width, keepsOutputs: keepsOutputs, session: session))
    return session
  }

  func keptProgram(height: Int, width: Int) -> Program? {
    sessions.first { $0.height == height && $0.width == width && !$0.keepsOutputs }?.session.program
  }

  /// Bytes of memory that is kept for the next images.
  public var keptByteCount: Int { sessions.reduce(0) { $0 + $1.session.program.memoryPlan.peakByteCount } }

  /// Releases this memory. The program of the next image is compiled again.
  public func dropSessions() { sessions.removeAll() }

  /// Gives back the memory of the sessions for images of these sides, in both orientations.
  func dropSessions(height: Int, width: Int) {
    sessions.removeAll { [[height, width], [width, height]].contains([$0.height, $0.width]) }
  }
}
