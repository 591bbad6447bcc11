import Foundation
import IRTensor
import Testing

@testable import IRONNX

/// Hand-written protobuf, for files that our own writer would never make.
struct FileBytes {
  var bytes: [UInt8] = []

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  func field(_ number: UInt64, _ value: UInt64) -> Self {
    var copy = self
    copy.varint(number << 3)
    copy.varint(value)
    return copy
  }

  func field(_ number: UInt64, _ body: [UInt8]) -> Self {
    var copy = self
    copy.varint(number << 3 | 2)
    copy.varint(UInt64(body.count))
    copy.bytes += body
    return copy
  }

  func field(_ number: UInt64, _ text: String) -> Self { field(number, Array(text.utf8)) }

  func field(_ number: UInt64, _ message: Self) -> Self { field(number, message.bytes) }

  /// A packed field of numbers.
  func field(_ number: UInt64, packed values: [Int64]) -> Self {
    var body = Self()
    for value in values { body.varint(UInt64(bitPattern: value)) }
    return field(number, body.bytes)
  }

  /// A tensor of one dimension, without its data.
  static func tensor(_ type: ElementType, count: Int) -> Self {
    Self().field(1, packed: [Int64(count)]).field(2, UInt64(type.rawValue)).field(8, "t")
  }

  /// A model whose graph holds this message in a field of the number.
  static func model(graphField number: UInt64, _ message: Self) -> Self {
    Self().field(1, 10).field(7, Self().field(2, "g").field(number, message))
  }
}

/// A folder that goes with the test.
final class FileFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "irkit-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { path + "/" + name }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: self(name)))
  }

  var contents: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

func readModel(_ bytes: [UInt8]) throws(ONNXError) -> ONNXModel {
  try bytes.span.bytes.withUnsafeBytes { (buffer) throws(ONNXError) in
    try ONNXModel(bytes: buffer, path: "m.onnx")
  }
}

/// The sentence with which a body fails.
func failure(_ body: () throws(ONNXError) -> Void) -> String {
  do throws(ONNXError) {
    try body()
    return "(nothing was thrown)"
  } catch {
    return "\(error)"
  }
}

/// A small model with something in every part of the format that we hold as values.
func sampleModel() -> ONNXModel {
  var model = ONNXModel()
  model.opsetImports = ["": 20, "ai.onnx.ml": 5]
  model.producerName = "irkit"
  model.producerVersion = "1"
  model.domain = "example"
  model.modelVersion = 0
  model.docString = "every part of the format, é"
  model.metadata = [ONNXProperty("b", "1"), ONNXProperty("a", "2")]
  model.graph = sampleGraph(depth: 1)
  var function = ONNXFunction()
  function.name = "Twice"
  function.domain = "example"
  function.overload = "float"
  function.inputs = ["x"]
  function.outputs = ["y"]
  function.attributeNames = ["alpha"]
  function.attributeDefaults = [ONNXNamedAttribute("beta", .float(2))]
  var scale = ONNXNode("Scale", inputs: ["x"], outputs: ["y"])
  scale.attributes = [ONNXNamedAttribute("alpha", .reference("alpha", type: 1))]
  function.nodes = [scale]
  function.opsetImports = ["": 20]
  function.valueInfos = [ONNXValueInfo("y", .tensor(elementType: 1, shape: nil))]
  model.functions = [function]
  return model
}

private func sampleGraph(depth: Int) -> ONNXGraph {
  let values = ONNXTensor(Tensor([1, -2, 3] as [Float], shape: [3]), name: "w")
  let indices = ONNXTensor(Tensor([0, 4, 5] as [Int64], shape: [3]), name: "i")
  let sparse = ONNXSparseTensor(values: values, indices: indices, dims: [6])
  var graph = ONNXGraph()
  graph.name = "main"
  graph.docString = "a graph"
  var image = ONNXValueInfo("x", .tensor(elementType: 1, shape: [.fixed(1), .symbolic("H"), .unknown]))
  image.denotation = "IMAGE"
  image.dimensionDenotations = [1: "DATA_FEATURE"]
  graph.inputs = [
    image, ONNXValueInfo("s", .sequence(.optional(.tensor(elementType: 7, shape: [])))),
    ONNXValueInfo("m", .map(keyType: 7, value: .opaque(domain: "d", name: "n"))),
    ONNXValueInfo("p", .sparseTensor(elementType: 1, shape: nil)), ONNXValueInfo("untyped", .none),
  ]
  graph.outputs = [ONNXValueInfo("y", .tensor(elementType: 1, shape: [.fixed(3)]))]
  graph.valueInfos = [ONNXValueInfo("z", .tensor(elementType: 10, shape: [.fixed(0)]))]
  graph.initializers = [values, ONNXTensor(Tensor(zeros: TensorType(.float16, [0, 2])), name: "empty")]
  graph.sparseInitializers = [sparse]
  var node = ONNXNode("Everything", inputs: ["x", "", "w"], outputs: ["y", "z"])
  node.name = "n0"
  node.domain = "example"
  node.overload = "o"
  node.docString = "a node"
  node.metadata = [ONNXProperty("k", "")]
  var attributes: [ONNXAttribute] = [
    .float(0.1), .int(.min), .string([0, 255, 10]), .tensor(values), .sparseTensor(sparse),
    .type(.tensor(elementType: 1, shape: [.symbolic("N")])), .floats([1, .infinity]), .ints([-1, 0, .max]),
    .strings([[], [65]]), .tensors([values, indices]), .sparseTensors([sparse]), .types([.sequence(.none)]),
    .ints([]), .floats([]), .graphs([]),
  ]
  if depth > 0 { attributes += [.graph(sampleGraph(depth: depth - 1)), .graphs([sampleGraph(depth: 0)])] }
  node.attributes = attributes.enumerated().map { ONNXNamedAttribute("a\($0.offset)", $0.element) }
  graph.nodes = [node]
  return graph
}
