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
  /// Height and width are padded to multiples of this, and the result is cropped back.
  public let multiple: Int
  /// 1 or 3: what the model's image input takes.
  public let channelCount: Int
  private let inputName: String
  private let outputName: String
  /// The latest used last.
  private var sessions: [(height: Int, width: Int, session: Session)] = []
  private static let sessionLimit = 4
  /// The sessions kept beside the latest may hold this much memory in their arenas.
  private static let keptByteCountLimit = 1 << 30

  /// Reads a model: a file, or the name of a model in `Models`. Sides are padded to `multiple`, 1...4096; by
  /// default to what the model's metadata state, else to the least that its graph takes.
  /// - Throws: `RestorationError`, or `ONNXError` where the file is not a model.
  public init(model name: String, multiple: Int? = nil, options: RuntimeOptions = RuntimeOptions()) throws {
    path = try ModelCatalogue.path(of: name)
    model = try ONNXModel(contentsOf: path)
    self.options = options
    guard model.graphInputs.count == 1, model.graph.outputs.count >= 1, let input = model.graphInputs.first,
      case .tensor(let type, let shape?) = input.type, type == ElementType.float32.rawValue, shape.count == 4
    else {
      throw RestorationError.notARestorer(path: path, detail: "it must take one float32 image [1, C, H, W]")
    }
    guard case .fixed(let channels) = shape[1], channels == 1 || channels == 3 else {
      throw RestorationError.notARestorer(
        path: path, detail: "its image has neither 1 nor 3 channels: \(shape[1])")
    }
    inputName = input.name
    outputName = model.graph.outputs[0].name
    channelCount = Int(channels)
    let declared = model.metadata.first { $0.key == "multiple" }.flatMap { Int($0.value) }
    if let known = multiple ?? declared {
      self.multiple = max(1, min(known, 4096))
    } else {
      self.multiple = try Self.leastMultiple(model, path, shape, output: outputName)
    }
  }

  /// The graph for images of this size (a multiple of `multiple` each).
  public func graph(height: Int, width: Int) throws -> Graph {
    try Self.graph(model, path, height: height, width: width)
  }

  private static func graph(_ model: ONNXModel, _ path: String, height: Int, width: Int) throws -> Graph {
    var binding = ONNXBinding()
    for (axis, extent) in [(0, 1), (2, height), (3, width)] {
      if let name = model.graphInputs.first?.openDimension(axis) { binding.dimensions[name] = extent }
    }
    return try ONNXImporter(model, path: path).graph(binding: binding)
  }

  /// The least power of two whose multiples the model takes and gives back. A side that the model fixes is
  /// no multiple of anything: it stays as it is.
  private static func leastMultiple(
    _ model: ONNXModel, _ path: String, _ shape: [ONNXDimension], output: String
  ) throws -> Int {
    func extent(_ axis: Int, _ side: Int) -> Int {
      if case .fixed(let extent) = shape[axis] { Int(clamping: extent) } else { side }
    }
    var failure: (any Error)?
    for multiple in [1, 2, 4, 8, 16, 32, 64, 128] {
      // An odd number of multiples, so that no larger power of two divides the sides.
      let side = multiple * (2 * (96 / multiple) + 1)
      let (height, width) = (extent(2, side), extent(3, side))
      do {
        let graph = try graph(model, path, height: height, width: width)
        let result = graph.outputs.first { $0.name == output }.map { graph[$0.value].type.shape }
        if result?.suffix(2).elementsEqual([height, width]) ?? false { return multiple }
      } catch { failure = error }
    }
    if let failure { throw failure }
    throw RestorationError.notARestorer(path: path, detail: "its output has not the size of its input")
  }

  /// The program for images of this size.
  public func program(height: Int, width: Int) throws -> Program {
    try Compiler(options: CompilerOptions(threadCount: options.threadCount), kernels: CPUKernelLibrary())
      .compile(try graph(height: height, width: width))
  }

  /// Restores an image: same size, metadata, alpha and sample format; values are not clipped.
  public func restore(_ image: Image) throws -> Image {
    var none: Profile?
    return try restore(image, profile: &none)
  }

  /// As above; `profile` collects the seconds of each step of `latestProgram`.
  public func restore(_ image: Image, profile: inout Profile?) throws -> Image {
    try restore(image) { input in
      let session = try session(height: input.shape[2], width: input.shape[3])
      return try session.run([inputName: input], profile: &profile)[outputName]
    }
  }

  /// Everything that the model gives for an image, by name, padded as its sides were.
  public func outputs(for image: Image) throws -> [String: Tensor] {
    var outputs: [String: Tensor] = [:]
    _ = try restore(image) { input in
      outputs = try session(height: input.shape[2], width: input.shape[3]).run([inputName: input])
      return outputs[outputName]
    }
    return outputs
  }

  /// The program of the size used last.
  public var latestProgram: Program? { sessions.last?.session.program }

  /// As `restore`, by the operators' definitions: slow, the oracle of the compiled program.
  /// `progress` is called with the count of nodes done and of all.
  public func restoreByReference(_ image: Image, progress: ((Int, Int) -> Void)? = nil) throws -> Image {
    try restore(image) { [self] input in
      let graph = try graph(height: input.shape[2], width: input.shape[3])
      return try GraphInterpreter(graph).run([inputName: input], progress: progress)[outputName]
    }
  }

  private func session(height: Int, width: Int) throws -> Session {
    if let index = sessions.firstIndex(where: { $0.height == height && $0.width == width }) {
      sessions.append(sessions.remove(at: index))
      return sessions[sessions.count - 1].session
    }
    let program = try program(height: height, width: width)
    func keptByteCount() -> Int { sessions.reduce(0) { $0 + $1.session.program.memoryPlan.peakByteCount } }
    while sessions.count >= Self.sessionLimit
      || (!sessions.isEmpty && keptByteCount() > Self.keptByteCountLimit)
    {
      sessions.removeFirst()
    }
    let session = try Session(program, options: options)
    sessions.append((height, width, session))
    return session
  }

  private func restore(_ image: Image, _ run: (Tensor) throws -> Tensor?) throws -> Image {
    let isGreyInColour = image.channelCount == 1 && channelCount == 3
    guard image.channelCount == channelCount || isGreyInColour else {
      throw RestorationError.unsuitableImage(
        detail: "the model \(path) takes grey images, this one has colour")
    }
    let source = isGreyInColour ? image.asColour() : image
    let padded = Tensor(source).reflectPadded(toMultipleOf: multiple)
    guard let output = try run(padded), output.shape == padded.shape, output.elementType == .float32 else {
      throw RestorationError.notARestorer(
        path: path, detail: "its output is not an image of its input's size")
    }
    let pixels = output.cropped(height: image.height, width: image.width).floats
    guard isGreyInColour else { return image.replacing(pixels: pixels, channelCount: channelCount) }
    let count = image.width * image.height
    let grey = (0..<count).map { (pixels[$0] + pixels[count + $0] + pixels[2 * count + $0]) / 3 }
    return image.replacing(pixels: grey, channelCount: 1)
  }
}
