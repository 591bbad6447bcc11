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
    #expect(last.pixels == given.pixels && outcome.errors.contains("the output last is used"))
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

/// Kinds of restorers that people publish: what `irrun -i photo.png` makes of them without options, else with
/// the one that its message names. The expected pictures are the networks' formulas.
@Suite struct PublicRestorersTests {
  private struct Kind {
    var inputs = [tensor("x", colour)]
    var outputs = ["y"]
    var nodes: [ONNXNode]
    var constants: [String: Tensor] = [:]
  }

  /// The words and the picture of irrun, and the words of `irdump --check`.
  private func tried(
    _ kind: Kind, _ options: String..., greyInput: Bool = false
  ) throws -> (outcome: Outcome, check: String, given: Image, made: Image?) {
    var result: (Outcome, String, Image, Image?)?
    try withFolder { folder in
      try write(
        "\(folder)/m.onnx", inputs: kind.inputs, outputs: kind.outputs, kind.nodes, kind.constants)
      try writePicture("\(folder)/a.png")
      var given = try ImageFile.read("\(folder)/a.png")
      if greyInput {
        given = Image(width: 37, height: 21, channelCount: 1, pixels: Array(given.pixels.prefix(777)))
        try ImageFile.write(given, to: "\(folder)/a.png")
        given = try ImageFile.read("\(folder)/a.png")
      }
      let outcome = try run(
        "irrun", ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png"] + options)
      let check = try run("irdump", "\(folder)/m.onnx", "--check")
      let made = outcome.code == 0 ? try ImageFile.read("\(folder)/b.png") : nil
      result = (outcome, check.output + check.errors, given, made)
    }
    return try #require(result)
  }

  /// Every sample is the formula's, to the level.
  private func expect(
    _ made: Image?, _ given: Image, _ formula: (Float) -> Float, _ place: SourceLocation = #_sourceLocation
  ) {
    guard let made, made.pixels.count == given.pixels.count else {
      Issue.record("no picture of the input's size", sourceLocation: place)
      return
    }
    let worst = zip(made.pixels, given.pixels).reduce(Float(0)) {
      max($0, abs($1.0 - min(max(formula($1.1), 0), 1)))
    }
    #expect(worst <= 0.51 / 255, sourceLocation: place)
  }

  /// Zero-DCE: a brighter picture, a still brighter one, and the curves.
  @Test func curvesInSteps() throws {
    let kind = Kind(
      outputs: ["half", "whole", "curves"],
      nodes: [
        node("Mul", ["x", "x"], "xx"), node("Sub", ["xx", "x"], "d"), node("Mul", ["d", "a"], "e"),
        node("Add", ["x", "e"], "half"), node("Mul", ["half", "half"], "hh"),
        node("Sub", ["hh", "half"], "f"),
        node("Mul", ["f", "a"], "g"), node("Add", ["half", "g"], "whole"),
        node("Concat", ["e", "g"], "curves", ["axis": .int(1)]),
      ], constants: ["a": Tensor(scalar: -0.6)])
    let (outcome, _, given, made) = try tried(kind)
    func step(_ x: Float) -> Float { x - 0.6 * (x * x - x) }
    expect(made, given) { step(step($0)) }
    #expect(outcome.errors.contains("the output whole is used"), "\(outcome.errors)")
    let half = try tried(kind, "--output-name", "half")
    expect(half.made, half.given, step)
  }

  /// SCI: the illumination, then the picture divided by it.
  @Test func illuminationComesFirst() throws {
    let kind = Kind(
      outputs: ["light", "result"],
      nodes: [
        node("Mul", ["x", "half"], "m"), node("Add", ["m", "half"], "light"),
        node("Div", ["x", "light"], "result"),
      ], constants: ["half": Tensor(scalar: 0.5)])
    let (outcome, check, given, made) = try tried(kind)
    expect(made, given) { $0 / (0.5 * $0 + 0.5) }
    #expect(outcome.errors.contains("--output-name") && check.contains("result"), "\(outcome.errors)\(check)")
  }

  /// IAT: a map that multiplies, one that adds, and the picture that is made of both.
  @Test func mapsComeFirst() throws {
    let kind = Kind(
      outputs: ["mul", "add", "picture"],
      nodes: [
        node("Mul", ["x", "small"], "mul"), node("Sub", ["x", "mul"], "add"),
        node("Mul", ["add", "two"], "rest"), node("Add", ["rest", "mul"], "sum"),
        node("Clip", ["sum", "zero", "one"], "picture"),
      ],
      constants: [
        "small": Tensor(scalar: 0.1), "two": Tensor(scalar: 0.5), "zero": Tensor(scalar: 0),
        "one": Tensor(scalar: 1),
      ])
    let (_, _, given, made) = try tried(kind)
    expect(made, given) { 0.55 * $0 }
  }

  /// Zero-DCE++ as published: sides are multiples of 12.
  @Test func multiplesOfTwelve() throws {
    let block = ["blocksize": ONNXAttribute.int(12)]
    let kind = Kind(
      nodes: [
        node("SpaceToDepth", ["x"], "b", block), node("Neg", ["b"], "n"),
        node("DepthToSpace", ["n"], "p", block),
        node("Add", ["p", "one"], "y"),
      ], constants: ["one": Tensor(scalar: 1)])
    let (_, check, given, made) = try tried(kind)
    expect(made, given) { 1 - $0 }
    #expect(check.contains("12"), "\(check)")
  }

  /// GCANet as its authors have it: 0...255. A poster without the option, which the warning names.
  @Test func valuesOfBytes() throws {
    let kind = Kind(
      nodes: [
        node("Mul", ["x", "share"], "m"), node("Round", ["m"], "r"),
        node("Clip", ["r", "zero", "white"], "y"),
      ], constants: ["share": Tensor(scalar: 0.8), "zero": Tensor(scalar: 0), "white": Tensor(scalar: 255)])
    let blind = try tried(kind)
    #expect(blind.outcome.errors.contains("--range 0..255"), "\(blind.outcome.errors)")
    let stated = try tried(kind, "--range", "255")
    expect(stated.made, stated.given) { 0.8 * $0 }
  }

  /// FDnCNN and DRUNet: a noise map is the fourth channel; GCANet's fourth is another thing, which a person
  /// must know.
  @Test func fourChannels() throws {
    var kind = Kind(
      nodes: [
        node("Slice", ["x", "zero", "three", "axis"], "colour"),
        node("Slice", ["x", "three", "four", "axis"], "map"),
        node("Sub", ["colour", "map"], "y"),
      ],
      constants: ["zero": 0, "three": 3, "four": 4, "axis": 1].mapValues { Tensor([Int64($0)], shape: [1]) })
    kind.inputs = [tensor("x", [.fixed(1), .fixed(4), .symbolic("h"), .symbolic("w")])]
    let blind = try tried(kind)
    #expect(
      blind.outcome.code == 3
        && blind.outcome.errors.contains("with a noise level (-n LEVEL, or -n auto) the last is its map"),
      "\(blind.outcome.errors)")
    let (_, _, given, made) = try tried(kind, "-n", "25.5")
    expect(made, given) { $0 - 0.1 }
  }

  /// DnCNN of one channel: grey pictures and pictures in colour.
  @Test func greyModels() throws {
    var kind = Kind(nodes: [node("Mul", ["x", "x"], "y")])
    kind.inputs = [tensor("x", grey)]
    for isGrey in [true, false] {
      let (_, _, given, made) = try tried(kind, greyInput: isGrey)
      expect(made, given) { $0 * $0 }
    }
  }

  /// A colourizer that gives colours: grey pictures become pictures in colour, those in colour by their luma.
  @Test func greyToColour() throws {
    var kind = Kind(
      nodes: [
        node("Concat", ["x", "dark", "x"], "y", ["axis": .int(1)]), node("Mul", ["x", "half"], "dark"),
      ],
      constants: ["half": Tensor(scalar: 0.5)])
    kind.inputs = [tensor("x", grey)]
    let (_, check, given, made) = try tried(kind, greyInput: true)
    let picture = try #require(made)
    #expect(picture.channelCount == 3 && check.contains("irrun restores photographs with it"), "\(check)")
    for index in given.pixels.indices {
      #expect(abs(picture.pixels[index] - given.pixels[index]) < 0.51 / 255)
      #expect(abs(picture.pixels[777 + index] - 0.5 * given.pixels[index]) < 0.51 / 255)
    }
    let inColour = try tried(kind)
    let result = try #require(inColour.made)
    for index in 0..<777 {
      let rgb = (0..<3).map { inColour.given.pixels[777 * $0 + index] }
      let luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
      #expect(abs(result.pixels[index] - luma) < 0.51 / 255)
    }
  }

  /// DDColor gives two channels of a colour space; others give half or one and a half times the sides:
  /// refused in words.
  @Test(arguments: ["ab", "x1.5", "half"]) func noPictures(_ name: String) throws {
    let scales = Tensor([Float(1), 1, 1.5, 1.5], shape: [4])
    let nodes: [String: [ONNXNode]] = [
      "ab": [node("Slice", ["x", "from", "to", "axis"], "y")],
      "x1.5": [node("Resize", ["x", "", "scales"], "y", ["mode": .string(Array("linear".utf8))])],
      "half": [node("AveragePool", ["x"], "y", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])],
    ]
    let (outcome, check, _, _) = try tried(
      Kind(
        nodes: try #require(nodes[name]),
        constants: [
          "from": Tensor([Int64(0)], shape: [1]), "to": Tensor([Int64(2)], shape: [1]),
          "axis": Tensor([Int64(1)], shape: [1]), "scales": scales,
        ]))
    #expect(
      outcome.code == 3
        && outcome.errors.contains("no picture of 1 or 3 channels whose sides are a whole multiple"),
      "\(outcome.errors)")
    #expect(check.contains("files of tensors (.npz) only"), "\(check)")
  }

  /// CARN ×4: the scale is found.
  @Test func enlargers() throws {
    let kind = Kind(
      nodes: [
        node(
          "Concat",
          ["r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0", "r0"],
          "all", ["axis": .int(1)]),
        node("Identity", ["x"], "r0"), node("DepthToSpace", ["all"], "y", ["blocksize": .int(4)]),
      ])
    let (_, check, given, made) = try tried(kind)
    let large = try #require(made)
    #expect(large.width == 148 && large.height == 84 && check.contains("4"), "\(check)")
    for (x, y) in [(0, 0), (147, 83), (70, 41)] {
      #expect(abs(large.pixels[y * 148 + x] - given.pixels[y / 4 * 37 + x / 4]) < 0.51 / 255)
    }
  }
}
