import Foundation
import IRONNX
import IRTensor
import ImageRestoration
import Testing

private func node(
  _ opType: String, _ inputs: [String], _ output: String, _ attributes: [String: ONNXAttribute] = [:]
) -> ONNXNode {
  var node = ONNXNode(opType, inputs: inputs, outputs: [output])
  node.attributes = attributes.sorted { $0.key < $1.key }.map { ONNXNamedAttribute($0.key, $0.value) }
  return node
}

private func tensor(
  _ name: String, _ extents: [ONNXDimension]?, _ type: ElementType = .float32
) -> ONNXValueInfo {
  ONNXValueInfo(name, .tensor(elementType: type.rawValue, shape: extents))
}

private let colour: [ONNXDimension] = [.fixed(1), .fixed(3), .symbolic("h"), .symbolic("w")]
private let grey: [ONNXDimension] = [.fixed(1), .fixed(1), .symbolic("h"), .symbolic("w")]

private func write(
  _ path: String, inputs: [ONNXValueInfo], outputs: [String], _ nodes: [ONNXNode],
  _ constants: [String: Tensor] = [:]
) throws {
  var model = ONNXModel()
  model.opsetImports = ["": 17]
  (model.graph.name, model.graph.inputs, model.graph.nodes) = ("kind", inputs, nodes)
  model.graph.outputs = outputs.map { tensor($0, nil) }
  model.graph.initializers = constants.sorted { $0.key < $1.key }.map { ONNXTensor($0.value, name: $0.key) }
  try model.write(to: path)
}

@Test func secondPicturesAreNamedInputs() throws {
  try withFolder { folder in
    try write(
      "\(folder)/m.onnx", inputs: [tensor("image", colour), tensor("mask", grey)], outputs: ["y"],
      [node("Mul", ["image", "mask"], "y")])
    try writePicture("\(folder)/a.png")
    let half = [Float](repeating: 1, count: 37 * 10) + [Float](repeating: 0, count: 37 * 11)
    try ImageFile.write(
      Image(width: 37, height: 21, channelCount: 1, pixels: half), to: "\(folder)/mask.png")
    let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png"]
    let outcome = try run("irrun", arguments + ["--input", "mask=\(folder)/mask.png"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let (given, restored) = (try ImageFile.read("\(folder)/a.png"), try ImageFile.read("\(folder)/b.png"))
    for index in given.pixels.indices {
      #expect(restored.pixels[index] == (index % 777 < 370 ? given.pixels[index] : 0))
    }
    let refused = try run("irrun", arguments)
    #expect(refused.code == 3 && refused.errors.contains("--input mask=FILE"), "\(refused.errors)")
    #expect(try run("irdump", "\(folder)/m.onnx", "--check").output.contains("--input mask=FILE"))
  }
}

@Test func rangesOutputsAndGreyAreStated() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png")
    let given = try ImageFile.read("\(folder)/a.png")
    func restored(_ model: String, _ options: String...) throws -> (Outcome, Image) {
      let arguments = ["-m", "\(folder)/\(model)", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png"]
      let outcome = try run("irrun", arguments + options)
      #expect(outcome.code == 0, "\(outcome.errors)")
      return (outcome, try ImageFile.read("\(folder)/b.png"))
    }
    try write(
      "\(folder)/bytes.onnx", inputs: [tensor("x", colour)], outputs: ["y"],
      [node("Round", ["x"], "whole"), node("Clip", ["whole", "low", "high"], "y")],
      ["low": Tensor(scalar: 0), "high": Tensor(scalar: 255)])
    #expect(try restored("bytes.onnx").0.errors.contains("--range 0..255"))
    #expect(try restored("bytes.onnx", "--range", "255").1.pixels == given.pixels)
    #expect(
      try run(
        "irrun", "-m", "\(folder)/bytes.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--range",
        "1..0"
      )
      .code == 2)

    try write(
      "\(folder)/steps.onnx", inputs: [tensor("x", colour)], outputs: ["first", "last"],
      [node("Mul", ["x", "zero"], "first"), node("Add", ["first", "x"], "last")], ["zero": Tensor(scalar: 0)])
    let (outcome, last) = try restored("steps.onnx")
    #expect(last.pixels == given.pixels && outcome.errors.contains("the output last is taken"))
    #expect(try restored("steps.onnx", "--output-name", "first").1.pixels.allSatisfy { $0 == 0 })

    try write(
      "\(folder)/grey.onnx", inputs: [tensor("x", grey)], outputs: ["y"], [node("Identity", ["x"], "y")])
    #expect(try restored("grey.onnx").1.pixels == given.pixels)
    #expect(try restored("grey.onnx", "--grey", "luma").1.pixels == given.pixels)
  }
}

@Test func checksSayWhatIrrunWouldDo() throws {
  try withFolder { folder in
    func check(_ name: String) throws -> Outcome { try run("irdump", "\(folder)/\(name)", "--check") }
    try write(
      "\(folder)/bytes.onnx",
      inputs: [tensor("x", [.symbolic("n"), .symbolic("h"), .symbolic("w"), .fixed(3)], .uint8)],
      outputs: ["y"],
      [node("Cast", ["x"], "y", ["to": .int(1)])])
    let bytes = try check("bytes.onnx")
    #expect(bytes.code == 0 && bytes.output.contains("irrun restores photographs with it"), "\(bytes.errors)")
    #expect(bytes.output.contains("x: uint8[1, H, W, 3]") && bytes.output.contains("0...255"))
    try write(
      "\(folder)/vector.onnx", inputs: [tensor("x", colour)], outputs: ["y"],
      [node("ReduceMean", ["x"], "y", ["axes": .ints([2, 3]), "keepdims": .int(0)])])
    let vector = try check("vector.onnx")
    #expect(vector.code == 0 && vector.output.contains("files of tensors (.npz) only"), "\(vector.errors)")
    try "version https://git-lfs.github.com/spec/v1\noid sha256:00\n".write(
      toFile: "\(folder)/pointer.onnx", atomically: true, encoding: .utf8)
    let pointer = try check("pointer.onnx")
    #expect(pointer.code == 3 && pointer.errors.contains("git lfs pull"), "\(pointer.errors)")
  }
}
