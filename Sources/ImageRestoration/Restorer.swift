import IRCompiler
import IRGraph
import IRONNX
import IRRuntime

/// A model ready to restore images of any size: a program is compiled for each new size, and the last
/// one is kept.
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
  private var session: (height: Int, width: Int, session: Session)?

  /// - Parameter name: a file, or the name of a model in `Models`.
  /// - Throws: `RestorationError`, or `ONNXError` where the file is not a model.
  public init(model name: String, options: RuntimeOptions = RuntimeOptions()) throws {
    path = try ModelCatalogue.path(of: name)
    model = try ONNXModel(contentsOf: path)
    self.options = options
    guard model.graphInputs.count == 1, model.graph.outputs.count >= 1, let input = model.graphInputs.first,
      case .tensor(let type, let shape?) = input.type, type == ElementType.float32.rawValue, shape.count == 4
    else {
      throw RestorationError.notARestorer(path: path, detail: "it must take one float32 image [1, C, H, W]")
    }
    guard case .fixed(let channels) = shape[1], channels == 1 || channels == 3 else {
      throw RestorationError.notARestorer(path: path, detail: "its image has neither 1 nor 3 channels: \(shape[1])")
    }
    inputName = input.name
    outputName = model.graph.outputs[0].name
    channelCount = Int(channels)
    let declared = model.metadata.first { $0.key == "multiple" }.flatMap { Int($0.value) }
    multiple = declared.map { max(1, min($0, 4096)) } ?? 32
  }

  /// The graph for images of this size (a multiple of `multiple` each).
  public func graph(height: Int, width: Int) throws -> Graph {
    guard case .tensor(_, let shape?)? = model.graphInputs.first?.type else { return Graph() }
    var binding = ONNXBinding()
    for (axis, extent) in [(0, 1), (2, height), (3, width)] {
      switch shape[axis] {
      case .symbolic(let name) where !name.isEmpty: binding.dimensions[name] = extent
      default: binding.dimensions["\(inputName).\(axis)"] = extent
      }
    }
    return try ONNXImporter(model, path: path).graph(binding: binding)
  }

  /// The program for images of this size.
  public func program(height: Int, width: Int) throws -> Program {
    try Compiler(options: CompilerOptions(threadCount: options.threadCount), kernels: CPUKernelLibrary())
      .compile(try graph(height: height, width: width))
  }

  /// Restores an image: same size, metadata, alpha and sample format; values are not clipped.
  public func restore(_ image: Image) throws -> Image {
    try restore(image) { [self] input in try run(input) }
  }

  /// As `restore`, by the operators' definitions: slow, the oracle of the compiled program.
  public func restoreByReference(_ image: Image, progress: ((Int, Int) -> Void)? = nil) throws -> Image {
    try restore(image) { [self] input in
      let graph = try graph(height: input.shape[2], width: input.shape[3])
      return try GraphInterpreter(graph).run([inputName: input], progress: progress)[outputName]
    }
  }

  private func run(_ input: Tensor) throws -> Tensor? {
    let (height, width) = (input.shape[2], input.shape[3])
    if session?.height != height || session?.width != width {
      session = nil
      session = (height, width, try Session(try program(height: height, width: width), options: options))
    }
    return try session?.session.run([inputName: input])[outputName]
  }

  private func restore(_ image: Image, _ run: (Tensor) throws -> Tensor?) throws -> Image {
    let isGreyInColour = image.channelCount == 1 && channelCount == 3
    guard image.channelCount == channelCount || isGreyInColour else {
      throw RestorationError.notARestorer(path: path, detail: "it takes grey images, this one has colour")
    }
    let source = isGreyInColour ? image.asColour() : image
    let padded = Tensor(source).reflectPadded(toMultipleOf: multiple)
    guard let output = try run(padded), output.shape == padded.shape, output.elementType == .float32 else {
      throw RestorationError.notARestorer(path: path, detail: "its output is not an image of its input's size")
    }
    let pixels = output.cropped(height: image.height, width: image.width).floats
    guard isGreyInColour else { return image.replacing(pixels: pixels, channelCount: channelCount) }
    let count = image.width * image.height
    let grey = (0..<count).map { (pixels[$0] + pixels[count + $0] + pixels[2 * count + $0]) / 3 }
    return image.replacing(pixels: grey, channelCount: 1)
  }
}
