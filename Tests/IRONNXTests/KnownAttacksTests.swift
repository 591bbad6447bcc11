import Foundation
import IRGraph
import IRTensor
import Testing

@testable import IRONNX

/// One test a known attack on an ONNX loader, by its public name: each must end in a sentence, and leave
/// what it aims at alone.
@Suite struct KnownAttacksTests {
  private let folder: FileFolder

  init() throws {
    folder = try FileFolder()
    try FileManager.default.createDirectory(atPath: folder("models/sub"), withIntermediateDirectories: true)
    try folder.write(Array("secret".utf8), to: "secret")
  }

  private func tensor(_ entries: [(String, String)], count: Int = 6) -> FileBytes {
    var tensor = FileBytes.tensor(.uint8, count: count).field(14, 1)
    for (key, value) in entries { tensor = tensor.field(13, FileBytes().field(1, key).field(2, value)) }
    return tensor
  }

  private func loading(_ entries: [(String, String)]) throws -> String {
    try folder.write(FileBytes.model(graphField: 5, tensor(entries)).bytes, to: "models/m.onnx")
    return failure { () throws(ONNXError) in _ = try ONNXModel(contentsOf: folder("models/m.onnx")) }
  }

  // Reading outside of the model's folder.

  @Test(arguments: ["../secret", "../../etc/passwd", "/etc/passwd"]) func cve_2022_25882(_ place: String)
    throws
  {
    #expect(try loading([("location", place)]).hasSuffix("the location \(place) leaves the model's folder"))
  }

  @Test(arguments: ["sub/../../secret", "./../secret", "a/../b/../../secret", "sub/..", "..\\secret"])
  func cve_2024_27318(_ place: String) throws {
    #expect(try loading([("location", place)]).hasSuffix("the location \(place) leaves the model's folder"))
  }

  @Test func cve_2026_27489_linkAmongTheParents() throws {
    try FileManager.default.createSymbolicLink(atPath: folder("models/out"), withDestinationPath: "..")
    #expect(try loading([("location", "out/secret")]).hasSuffix("out/secret leads through a symbolic link"))
  }

  @Test func cve_2026_34447_linkAtTheEnd() throws {
    try FileManager.default.createSymbolicLink(atPath: folder("models/w"), withDestinationPath: "../secret")
    #expect(try loading([("location", "w")]).hasSuffix("w leads through a symbolic link"))
  }

  @Test func cve_2026_34446_hardLink() throws {
    try FileManager.default.linkItem(atPath: folder("secret"), toPath: folder("models/w"))
    #expect(try loading([("location", "w")]).hasSuffix("w is a hard link"))
  }

  /// The walk that takes the place of `openat2` refuses the same.
  @Test(arguments: ["out/secret", "w", "../secret", "sub/../../secret"]) func withoutOpenat2(_ place: String)
    throws
  {
    try FileManager.default.createSymbolicLink(atPath: folder("models/out"), withDestinationPath: "..")
    try FileManager.default.createSymbolicLink(atPath: folder("models/w"), withDestinationPath: "../secret")
    let directory = open(folder("models"), O_RDONLY | O_DIRECTORY)
    defer { close(directory) }
    for opened in [walkBeneath(directory, place), openBeneath(directory, place)] {
      #expect(opened < 0 && [ELOOP, EXDEV].contains(errno))
    }
    try folder.write([1], to: "models/sub/w")
    let inside = walkBeneath(directory, "sub/w")
    #expect(inside >= 0)
    close(inside)
  }

  // Keys that are not of the format: attributes of the loader's own objects in Python, nothing here.

  @Test(arguments: ["__class__", "basepath", "Offset", ""]) func cve_2026_34445(_ key: String) throws {
    #expect(
      try loading([("location", "w"), (key, "1")])
        .hasSuffix("the key \(key) is not one of location, offset, length, checksum"))
  }

  @Test func cve_2026_34445_lengths() throws {
    try folder.write([1, 2], to: "models/w")
    #expect(
      try loading([("location", "w"), ("length", "9223372036854775807")])
        .hasSuffix("bytes 0 to 0+9223372036854775807 of w, which has 2"))
  }

  // Writing outside of the model's folder.

  @Test(arguments: ["../secret", "/tmp/x", "sub/../../secret"]) func cve_2025_51480(_ place: String) throws {
    let model = try readModel(FileBytes.model(graphField: 5, tensor([("location", place)])).bytes)
    let said = failure { () throws(ONNXError) in try model.write(to: folder("models/m.onnx")) }
    #expect(said.hasSuffix("the location \(place) leaves the model's folder"))
    #expect(try folder.contents == ["models", "secret"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder("models")) == ["sub"])
  }

  /// A link that waits where the data are to be written is replaced, never followed; so is one that comes
  /// between, since files are made under a fresh name that must not exist, and renamed.
  @Test func ghsa_q56x_g2fj_4rj6() throws {
    for name in ["m.onnx", "m.onnx.data"] {
      try FileManager.default.createSymbolicLink(
        atPath: folder("models/\(name)"), withDestinationPath: "../secret")
    }
    var model = ONNXModel()
    model.graph.initializers = [ONNXTensor(Tensor(zeros: TensorType(.float32, [1024])), name: "w")]
    try model.write(to: folder("models/m.onnx"), options: .init(isExternal: true))
    #expect(try String(contentsOfFile: folder("secret"), encoding: .utf8) == "secret")
    #expect(
      try ONNXModel(contentsOf: folder("models/m.onnx")).graph.initializers[0].tensor().byteCount == 4096)
  }

  // Reading beyond buffers.

  /// Sentences about names longer than any buffer that one might set aside for them.
  @Test(arguments: [2047, 2048, 2049, 1_000_000]) func cve_2024_27319(_ length: Int) throws {
    let name = String(repeating: "n", count: length)
    let node = FileBytes().field(4, name).field(2, name).field(3, name)
    let model = try readModel(FileBytes.model(graphField: 1, node).field(8, FileBytes().field(2, 17)).bytes)
    let said = failure { () throws(ONNXError) in _ = try ONNXImporter(model).graph() }
    #expect(said.contains("irkit has no nnn"))
    #expect(said.utf8.count > length)
  }

  // Shape inference (August 2026).

  private func importing(_ nodes: [ONNXNode], _ shape: [ONNXDimension] = [.fixed(4)]) -> String {
    var model = ONNXModel()
    model.opsetImports = ["": 18]
    model.graph.inputs = [ONNXValueInfo("x", .tensor(elementType: 1, shape: shape))]
    model.graph.nodes = nodes
    model.graph.outputs = [ONNXValueInfo(nodes.last?.outputs.first ?? "x", .none)]
    return failure { () throws(ONNXError) in _ = try ONNXImporter(model).graph() }
  }

  @Test(arguments: [0, -1, Int64.min, .max]) func splitToSequenceByZero(_ size: Int64) {
    var split = ONNXNode("SplitToSequence", inputs: ["x", "size"], outputs: ["y"])
    split.attributes = [ONNXNamedAttribute("axis", .int(0))]
    var constant = ONNXNode("Constant", inputs: [], outputs: ["size"])
    constant.attributes = [ONNXNamedAttribute("value_int", .int(size))]
    let said = importing([constant, split])
    #expect(
      said.contains(size > 0 ? "(nothing was thrown)" : "parts of \(size) along axis 0 of [4]"), "\(said)")
  }

  @Test(arguments: [0, -1, 3, 1 << 40, Int64.min, .max]) func splitIntoTooManyParts(_ count: Int64) {
    var split = ONNXNode("Split", inputs: ["x"], outputs: ["a", "b"])
    split.attributes = [ONNXNamedAttribute("num_outputs", .int(count))]
    #expect(importing([split]).contains("num_outputs is \(count), it has 2 outputs"))
  }

  @Test(arguments: [[1, 1, 2], [4]] as [[Int64]]) func splitIntoOtherParts(_ sizes: [Int64]) {
    var list = ONNXNode("Constant", inputs: [], outputs: ["s"])
    list.attributes = [ONNXNamedAttribute("value_ints", .ints(sizes))]
    let said = importing([list, ONNXNode("Split", inputs: ["x", "s"], outputs: ["a", "b"])])
    #expect(said.contains("\(sizes.count) parts for 2 outputs"))
  }

  @Test func unboundedRank() {
    #expect(importing([], Array(repeating: .fixed(1), count: 33)).hasSuffix("is not a size"))
    var axes = ONNXNode("Constant", inputs: [], outputs: ["axes"])
    axes.attributes = [ONNXNamedAttribute("value_ints", .ints(Array(0..<40)))]
    let said = importing([axes, ONNXNode("Unsqueeze", inputs: ["x", "axes"], outputs: ["y"])])
    #expect(said.contains("Reshape"), "\(said)")
    var shape = ONNXNode("Constant", inputs: [], outputs: ["shape"])
    shape.attributes = [ONNXNamedAttribute("value_ints", .ints(Array(repeating: 1, count: 1000)))]
    #expect(
      importing([shape, ONNXNode("Reshape", inputs: ["x", "shape"], outputs: ["y"])])
        .contains("a shape of 1000 axes"))
  }

  // Graphs that make no sense.

  @Test func cycles() {
    let said = importing([
      ONNXNode("Relu", inputs: ["b"], outputs: ["a"]), ONNXNode("Relu", inputs: ["a"], outputs: ["b"]),
    ])
    #expect(said.contains("Relu (opset 18; node #1): its input a follows from its own output"), "\(said)")
    #expect(importing([ONNXNode("Relu", inputs: ["y"], outputs: ["y"])]).contains("the nodes form a cycle"))
  }

  @Test func danglingInputs() {
    #expect(
      importing([ONNXNode("Relu", inputs: ["none"], outputs: ["y"])]).contains(
        "its input none is neither an input of the graph nor the output of a node"))
    #expect(importing([ONNXNode("Relu", inputs: [], outputs: ["y"])]).contains("input 0 is missing"))
  }

  @Test func namesGivenTwice() {
    let relu = ONNXNode("Relu", inputs: ["x"], outputs: ["y"])
    #expect(importing([relu, relu]).contains("its output y is assigned before it"))
    #expect(importing([ONNXNode("Relu", inputs: ["x"], outputs: ["x"])]).contains("x is assigned before it"))
    var model = ONNXModel()
    model.graph.inputs = Array(repeating: ONNXValueInfo("x", .tensor(elementType: 1, shape: [])), count: 2)
    #expect(
      failure { () throws(ONNXError) in _ = try ONNXImporter(model).graph() }.contains(
        "two inputs are named x"))
  }

  @Test func attributesOfWrongTypes() {
    var softmax = ONNXNode("Softmax", inputs: ["x"], outputs: ["y"])
    softmax.attributes = [ONNXNamedAttribute("axis", .string([1]))]
    #expect(importing([softmax]).contains("its attribute axis is not an integer"))
    softmax.attributes = [ONNXNamedAttribute("axis", .int(0)), ONNXNamedAttribute("axis", .int(0))]
    #expect(importing([softmax]).contains("its attribute axis is stated twice"))
    softmax.attributes = [ONNXNamedAttribute("axis", .int(.min))]
    #expect(importing([softmax]).contains("axis -9223372036854775808 is outside a rank of 1"))
  }

  @Test func tooMuchOfEverything() {
    let relus = (0...(1 << 16)).map {
      ONNXNode("Relu", inputs: [$0 == 0 ? "x" : "\($0)"], outputs: ["\($0 + 1)"])
    }
    #expect(importing(relus).contains("over 65536 nodes"))
    let wide = ONNXNode("Concat", inputs: Array(repeating: "x", count: 5000), outputs: ["y"])
    #expect(importing([wide]).contains("5000 inputs"))
    let huge: [ONNXDimension] = [.fixed(1 << 40), .fixed(1 << 40)]
    #expect(importing([], huge).hasSuffix("is not a size"))
  }

  /// A function that calls another twice, thirty deep: a billion nodes if nothing counted.
  @Test func functionsThatMultiply() {
    var model = ONNXModel()
    model.opsetImports = ["": 18, "f": 1]
    model.graph.inputs = [ONNXValueInfo("x", .tensor(elementType: 1, shape: [.fixed(1)]))]
    model.graph.outputs = [ONNXValueInfo("y", .none)]
    func call(_ index: Int, _ input: String, _ output: String) -> ONNXNode {
      var node = ONNXNode(index < 30 ? "f\(index)" : "Relu", inputs: [input], outputs: [output])
      node.domain = index < 30 ? "f" : ""
      return node
    }
    model.graph.nodes = [call(0, "x", "y")]
    model.functions = (0..<30).map { index in
      var function = ONNXFunction()
      (function.name, function.domain, function.opsetImports) = ("f\(index)", "f", ["": 18, "f": 1])
      (function.inputs, function.outputs) = (["a"], ["c"])
      function.nodes = [call(index + 1, "a", "b"), call(index + 1, "b", "c")]
      return function
    }
    let said = failure { () throws(ONNXError) in _ = try ONNXImporter(model).graph() }
    #expect(said.contains("over 65536 nodes"), "\(said.prefix(500))")
  }
}
