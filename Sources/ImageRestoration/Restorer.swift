import IRCompiler
import IRGraph
import IRONNX
import IRRuntime

/// A model ready to restore images of any size. A program is compiled for each new size; the latest
/// few are kept.
///
/// ```swift
/// let restorer = try Restorer(model: "symunet-s")
/// let restored = try restorer.restore(try ImageFile.read("noisy.png"))
/// try ImageFile.write(restored, to: "restored.png")
/// ```
public final class Restorer {
  public let path: String
  public let model: ONNXModel
  public let options: RuntimeOptions
  public let settings: RestorationSettings
  /// Height and width are padded to multiples of this, and the result is cropped back.
  public let multiple: Int
  /// 1 or 3: what the model's image input takes.
  public let channelCount: Int
  /// The upscaling factor: output side / input side.
  public let scale: Int
  /// The sides that the model fixes, nil where they are open.
  public let fixedSides: (height: Int?, width: Int?)
  let inputName: String
  let outputName: String
  /// The input for the noise level, where the model has one.
  private let noiseInput: ONNXValueInfo?
  /// Packed once for all sizes.
  private let weights = PackedWeights()
  /// The latest used last.
  private var sessions: [(height: Int, width: Int, session: Session)] = []
  private static let sessionLimit = 4
  /// The sessions kept beside the latest may hold this much memory in their arenas.
  private static let keptByteCountLimit = 1 << 30
  /// What was found out about the graph and about memory, kept for the next picture.
  var receptiveField: Result<ReceptiveField, ReceptiveField.Unbounded>?
  var memoryModel: MemoryModel?
  /// Called after each run of a program, with its seconds by step, and the clock's at its start.
  public var observer: ((Program, Profile, ContinuousClock.Instant) -> Void)?

  /// Reads a model: a file, or the name of a model in `Models`. Sides are padded to `multiple`, 1...4096; by
  /// default to what the model's metadata state, else to the least that its graph takes.
  /// - Throws: `RestorationError`, or `ONNXError` where the file is not a model.
  public init(
    model name: String, multiple: Int? = nil, options: RuntimeOptions = RuntimeOptions(),
    settings: RestorationSettings = RestorationSettings()
  ) throws {
    path = try ModelCatalogue.path(of: name)
    model = try ONNXModel(contentsOf: path)
    self.options = options
    self.settings = settings
    let inputs = model.graphInputs
    guard (1...2).contains(inputs.count), let output = model.graph.outputs.first, let input = inputs.first,
      case .tensor(let type, let shape?) = input.type, type == ElementType.float32.rawValue, shape.count == 4
    else {
      throw RestorationError.notARestorer(path: path, detail: "it must take one float32 image [1, C, H, W]")
    }
    guard case .fixed(let channels) = shape[1], channels == 1 || channels == 3 else {
      throw RestorationError.notARestorer(
        path: path, detail: "its image has neither 1 nor 3 channels: \(shape[1])")
    }
    noiseInput = inputs.dropFirst().first
    if let noiseInput, settings.noiseLevel == nil {
      throw RestorationError.notARestorer(
        path: path, detail: "it takes a second input, \(noiseInput.name): state the noise level")
    }
    guard noiseInput != nil || settings.noiseLevel == nil else {
      throw RestorationError.notARestorer(path: path, detail: "it takes no noise level")
    }
    (inputName, outputName, channelCount) = (input.name, output.name, Int(channels))
    func side(_ axis: Int) -> Int? {
      if case .fixed(let extent) = shape[axis] { Int(clamping: extent) } else { nil }
    }
    fixedSides = (side(2), side(3))
    let declared = model.metadata.first { $0.key == "multiple" }.flatMap { Int($0.value) }
    let known = (multiple ?? declared).map { max(1, min($0, 4096)) }
    (self.multiple, scale) = try Self.leastMultiple(
      model, path, sides: fixedSides, output: outputName, known: known)
  }

  /// The graph for images of this size (a multiple of `multiple` each).
  public func graph(height: Int, width: Int) throws -> Graph {
    try Self.graph(model, path, height: height, width: width)
  }

  private static func graph(_ model: ONNXModel, _ path: String, height: Int, width: Int) throws -> Graph {
    var binding = ONNXBinding()
    for input in model.graphInputs {
      for (axis, extent) in [(0, 1), (1, 1), (2, height), (3, width)] {
        if let name = input.openDimension(axis), binding.dimensions[name] == nil {
          binding.dimensions[name] = extent
        }
      }
    }
    return try ONNXImporter(model, path: path).graph(binding: binding)
  }

  /// The least power of two whose multiples the model takes, and how much larger it gives them back. A side
  /// that the model fixes is no multiple of anything: it stays as it is.
  private static func leastMultiple(
    _ model: ONNXModel, _ path: String, sides: (height: Int?, width: Int?), output: String, known: Int?
  ) throws -> (multiple: Int, scale: Int) {
    var failure: (any Error)?
    for multiple in known.map({ [$0] }) ?? [1, 2, 4, 8, 16, 32, 64, 128] {
      // An odd number of multiples, so that no larger power of two divides the sides.
      let side = multiple * (2 * (96 / multiple) + 1)
      let (height, width) = (sides.height ?? side, sides.width ?? side)
      guard height > 0, width > 0 else { break }
      do {
        let graph = try graph(model, path, height: height, width: width)
        let result = graph.outputs.first { $0.name == output }.map { graph[$0.value].type.shape }
        guard let result, result.rank == 4 else { continue }
        let scale = result[2] / height
        if (1...16).contains(scale), result[2] == scale * height, result[3] == scale * width {
          return (multiple, scale)
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
    throw RestorationError.notARestorer(
      path: path, detail: "its output is neither of its input's size nor a multiple of it")
  }

  /// The program for images of this size. If it would take more than `byteCount` bytes with its inputs and outputs, its
  /// memory is reduced by recomputation and, if allowed, by float16 storage, as far as that goes.
  public func program(
    height: Int, width: Int, within byteCount: Int? = nil, allowsFloat16Storage: Bool = false
  ) throws -> Program {
    try Compiler(
      threadCount: options.threadCount, weights: weights, memoryByteCount: byteCount,
      allowsFloat16Storage: allowsFloat16Storage
    ).compile(try graph(height: height, width: width))
  }

  /// Everything that the model gives for an image, by name, padded as its sides were.
  public func outputs(for image: Image) throws -> [String: Tensor] {
    let input = Tensor(try prepared(image).source).reflectPadded(toMultipleOf: multiple)
    return try session(height: input.shape[2], width: input.shape[3]).run([inputName: input])
  }

  /// Runs the model on one image `[1, C, H, W]` of sides that it takes. `planned` is the program for these sides or for
  /// the other orientation. `reduction` is the picture's side / the image's side: means over pixels have less noise.
  func run(_ input: Tensor, planned: Program? = nil, reduction: Int = 1) throws -> Tensor {
    let session = try session(height: input.shape[2], width: input.shape[3], planned: planned)
    var inputs = [inputName: input]
    if let noiseInput, let port = session.program.inputs.first(where: { $0.name == noiseInput.name }) {
      inputs[port.name] = noise(port.type, reduction: reduction)
    }
    var profile: Profile? = observer == nil ? nil : Profile()
    let start = ContinuousClock.now
    let result = try session.run(inputs, profile: &profile)[outputName]
    if let profile { observer?(session.program, profile, start) }
    guard let result else { throw RestorationError.notARestorer(path: path, detail: "it has no output") }
    return try checked(result, of: input)
  }

  /// The noise level as the model takes it: σ of a scale of 0...1, in every element of its input.
  private func noise(_ type: TensorType, reduction: Int = 1) -> Tensor {
    let level = (settings.noiseLevel ?? 0) / 255 / Double(reduction)
    return Tensor(type, doubles: [Double](repeating: level, count: type.shape.elementCount))
  }

  /// As `run`, by the operators' definitions.
  func interpret(_ input: Tensor, progress: ((Int, Int) -> Void)?) throws -> Tensor {
    let graph = try graph(height: input.shape[2], width: input.shape[3])
    var inputs = [inputName: input]
    if let noiseInput, let value = graph.inputs.first(where: { graph[$0].name == noiseInput.name }) {
      inputs[noiseInput.name] = noise(graph[value].type)
    }
    guard let result = try GraphInterpreter(graph).run(inputs, progress: progress)[outputName] else {
      throw RestorationError.notARestorer(path: path, detail: "it has no output")
    }
    return try checked(result, of: input)
  }

  private func checked(_ output: Tensor, of input: Tensor) throws -> Tensor {
    let expected: Shape = [1, channelCount, scale * input.shape[2], scale * input.shape[3]]
    guard output.shape == expected, output.elementType == .float32 else {
      throw RestorationError.notARestorer(
        path: path, detail: "its output is \(output.type) for an image of \(input.shape)")
    }
    return output
  }

  /// A session for images of this size: one that is kept, or a new one of the planned program. If that is for the
  /// other orientation, a program of the same restraint is compiled.
  func session(height: Int, width: Int, planned: Program? = nil) throws -> Session {
    if let index = sessions.firstIndex(where: { $0.height == height && $0.width == width }) {
      sessions.append(sessions.remove(at: index))
      return sessions[sessions.count - 1].session
    }
    let program: Program
    let shape = planned?.inputs.first { $0.name == inputName }?.type.shape
    if let planned, let shape, shape[2] == height, shape[3] == width {
      program = planned
    } else {
      program = try self.program(
        height: height, width: width, within: planned?.byteCount,
        allowsFloat16Storage: planned.map { !$0.float16Values.isEmpty } ?? false)
    }
    func keptByteCount() -> Int { sessions.reduce(0) { $0 + $1.session.program.memoryPlan.peakByteCount } }
    let limit = options.memoryByteCount == nil ? Self.keptByteCountLimit : 0
    while sessions.count >= Self.sessionLimit || (!sessions.isEmpty && keptByteCount() > limit) {
      sessions.removeFirst()
    }
    let session = try Session(program, options: options)
    sessions.append((height, width, session))
    return session
  }

  func keptProgram(height: Int, width: Int) -> Program? {
    sessions.first { $0.height == height && $0.width == width }?.session.program
  }

  /// Gives back the memory of the sessions for images of these sides, in both orientations.
  func dropSessions(height: Int, width: Int) {
    sessions.removeAll { [[height, width], [width, height]].contains([$0.height, $0.width]) }
  }
}
