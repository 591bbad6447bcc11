import IRGraph
import IRONNX
import IRTensor

/// The meaning of a restorer's file: which port is the picture, how it is laid out, what else the network
/// takes, how large its result is, and for which sides it works. Nothing else reads that from a file.
///
/// Its graphs take one picture `[1, C, H, W]` float32 in 0...1, whatever the file takes, and give one.
package struct RestorationModel: Sendable {
  /// Statements of the user about the file.
  package struct Wishes: Sendable {
    /// Sides are padded to multiples of this; by default the number that the metadata state, else the one
    /// found by trial.
    package var multiple: Int?
    /// Whether a noise level will be stated.
    package var hasNoiseLevel = false
    /// Inputs that pictures are given for.
    package var pictures: Set<String> = []
    /// The output to take for the restored picture.
    package var output: String?
    /// By default what the metadata state or the element type says, else 0...1.
    package var inputRange: ValueRange?
    package var outputRange: ValueRange?

    package init() {}
  }

  /// The place of a noise level.
  package enum Noise: Hashable, Sendable {
    /// Every element of an input.
    case input(String)
    /// A channel behind the picture's.
    case channel
  }

  package let path: String
  /// The file, its float16 values as float32.
  package let file: ONNXModel
  /// The output that is the restored picture.
  package var output: RestoredOutput
  /// Outputs that may be it, where the graph alone does not tell.
  package let choices: [RestoredOutput]
  /// The names of all outputs that are pictures of whole multiples of the sides.
  package let pictureOutputs: [String]
  /// Whether the caller named the output.
  package let isOutputNamed: Bool
  package let sides: NetworkSides
  package let inputRange: ValueRange
  package let outputRange: ValueRange
  /// Whether the file's channels are blue, green, red.
  package let isBlueFirst: Bool
  /// The noise level that stands for none stated, where the network judges the noise by itself.
  package let unstatedNoiseLevel: Double?
  let bound: BoundFile

  /// Reads a file.
  /// - Throws: `RestorerRefusal` if it is not a restorer, `ONNXError` if it cannot be imported.
  package init(_ original: ONNXModel, path: String, wishes: Wishes = Wishes()) throws {
    self.path = path
    file = original.computingInFloat32()
    let ports = try InputPorts(original, wishes)
    bound = BoundFile(file: file, path: path, ports: ports)
    let metadata = RestorerMetadata(original)
    isBlueFirst = metadata.isBlueFirst && ports.channelCount == 3
    unstatedNoiseLevel = ports.noise == nil ? nil : metadata.unstatedNoiseLevel
    let known = (wishes.multiple ?? metadata.multiple).map { max(1, min($0, 4096)) }
    let found: SizeSearch.Found
    do { found = try SizeSearch(bound: bound, output: wishes.output).found(multiple: known) } catch let error
      as NoPicture
    { throw error.refusal }
    sides = found.sides
    choices = found.outputs
    (output, pictureOutputs) = (found.outputs[0], found.names)
    isOutputNamed = wishes.output != nil
    let stated = metadata.range
    let image = ports.image
    inputRange = wishes.inputRange ?? (image.elementType == .uint8 ? .bytes : stated ?? .unit)
    outputRange =
      wishes.outputRange ?? wishes.inputRange
      ?? (output.port.elementType == .uint8 ? .bytes : image.elementType == .uint8 ? .unit : stated ?? .unit)
    guard inputRange.fits(channelCount: channelCount),
      !outputIsRanged || outputRange.fits(channelCount: channelCount)
    else {
      throw RestorerRefusal("a range of three channels does not fit a picture of \(channelCount)")
    }
  }

  package var image: ImagePort { bound.ports.image }
  /// Channels of the picture: 1 or 3.
  package var channelCount: Int { bound.ports.channelCount }
  package var noise: Noise? { bound.ports.noise }
  /// Whether an input's name says that it is for noise.
  static func isNamedNoise(_ name: String) -> Bool {
    ["noise", "sigma"].contains { name.lowercased().contains($0) }
  }
  /// Other pictures of the same sides that the network takes.
  package var pictures: [ImagePort] { bound.ports.pictures }
  /// Statements of the file beside its graph.
  package var metadata: RestorerMetadata { RestorerMetadata(file) }
  package var scale: Int { output.scale }
  /// Planes of the picture that the graphs take: the image's channels, then those of the other pictures.
  package var planeCount: Int { channelCount + pictures.reduce(0) { $0 + $1.channelCount } }
}

/// An output that may be the restored picture.
package struct RestoredOutput: Hashable, Sendable {
  package var port: ImagePort
  /// Its side / the picture's side.
  package var scale: Int
  /// The pixels that its sides lack of `scale` times the network's: windows without padding take it.
  package var loss: Int
  /// Channels of the result: 1 or 3.
  package var channelCount: Int

  package var name: String { port.name }
}

/// Why a file is not a restorer.
package struct RestorerRefusal: Error, CustomStringConvertible {
  package var description: String

  package init(_ description: String) { self.description = description }
}
