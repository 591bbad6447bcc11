import Foundation
import IRONNX
import IRTensor

@testable import IRRestoration

/// A model of a few nodes, written to a file and loaded from there.
struct SmallModel {
  var inputs: [ONNXValueInfo]
  var outputs: [ONNXValueInfo]
  var nodes: [ONNXNode]
  var constants: [String: Tensor] = [:]
  var metadata: [String: String] = [:]

  /// From `x` to `y`, both float32 `[1, 3, h, w]` unless told.
  init(
    _ nodes: [ONNXNode], input: ONNXValueInfo = .picture("x"), output: ONNXValueInfo = .open("y"),
    constants: [String: Tensor] = [:], metadata: [String: String] = [:]
  ) {
    self.init(
      inputs: [input], outputs: [output], nodes: nodes, constants: constants, metadata: metadata)
  }

  init(
    inputs: [ONNXValueInfo], outputs: [ONNXValueInfo], nodes: [ONNXNode],
    constants: [String: Tensor] = [:], metadata: [String: String] = [:]
  ) {
    (self.inputs, self.outputs, self.nodes) = (inputs, outputs, nodes)
    (self.constants, self.metadata) = (constants, metadata)
  }

  var model: ONNXModel {
    var model = ONNXModel()
    model.opsetImports = ["": 17]
    model.irVersion = 8
    model.graph.name = "small"
    (model.graph.inputs, model.graph.outputs, model.graph.nodes) = (inputs, outputs, nodes)
    model.graph.initializers = constants.sorted { $0.key < $1.key }.map { ONNXTensor($0.value, name: $0.key) }
    model.metadata = metadata.sorted { $0.key < $1.key }.map { ONNXProperty($0.key, $0.value) }
    return model
  }

  func restorer(
    multiple: Int? = nil, options: RuntimeOptions = RuntimeOptions(),
    _ change: (inout RestorationSettings) -> Void = { _ in }
  ) throws -> Restorer {
    let path = NSTemporaryDirectory() + "irkit-\(UUID().uuidString).onnx"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.write(to: path)
    var settings = RestorationSettings()
    change(&settings)
    return try Restorer(model: path, multiple: multiple, options: options, settings: settings)
  }
}

extension ONNXValueInfo {
  /// A tensor of these extents; texts are open sizes.
  static func tensor(_ name: String, _ extents: [Any], _ type: ElementType = .float32) -> ONNXValueInfo {
    ONNXValueInfo(
      name,
      .tensor(
        elementType: type.rawValue,
        shape: extents.map { extent in
          if let size = extent as? Int { .fixed(Int64(size)) } else { .symbolic("\(extent)") }
        }))
  }

  static func picture(_ name: String, channels: Int = 3, _ type: ElementType = .float32) -> ONNXValueInfo {
    .tensor(name, [1, channels, "h", "w"], type)
  }

  /// A tensor of unknown shape.
  static func open(_ name: String, _ type: ElementType = .float32) -> ONNXValueInfo {
    ONNXValueInfo(name, .tensor(elementType: type.rawValue, shape: nil))
  }
}

func node(
  _ opType: String, _ inputs: [String], _ output: String, _ attributes: [String: ONNXAttribute] = [:]
) -> ONNXNode {
  var node = ONNXNode(opType, inputs: inputs, outputs: [output])
  node.name = "make \(output)"
  node.attributes = attributes.sorted { $0.key < $1.key }.map { ONNXNamedAttribute($0.key, $0.value) }
  return node
}

/// y = 1 - x, in any layout.
func inversion(_ input: String = "x", _ output: String = "y") -> [ONNXNode] {
  [node("Neg", [input], "negative"), node("Add", ["negative", "one"], output)]
}
let one = ["one": Tensor([Float(1)], shape: [1])]

/// Samples of 256 levels that differ from place to place.
func testPicture(width: Int, height: Int, channels: Int = 3) -> Image {
  Image(
    width: width, height: height, channelCount: channels,
    pixels: (0..<(channels * width * height)).map { Float(($0 * 7919 + $0 / width * 31) % 256) / 255 })
}

/// The largest distance of an image's samples to what `expected` says of the samples of another.
func distance(_ image: Image, _ other: Image, _ expected: (Float) -> Float = { $0 }) -> Float {
  guard image.pixels.count == other.pixels.count, image.width == other.width else { return .infinity }
  return zip(image.pixels, other.pixels).reduce(0) { max($0, abs($1.0 - expected($1.1))) }
}
