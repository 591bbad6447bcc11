import IRCompiler
import IRGraph
import IROperators
import IRTensor
import IRTestSupport
import Testing

@testable import IRONNX

/// `h[m] = (4 + b / c)[m]` as PyTorch's exporter writes it, of pictures `[1, 3, 4, 5]`.
private func assignment(usesMaskTwice: Bool = true, times number: Float? = nil) -> ONNXGraph {
  var nodes = [
    node("ReduceMax", ["x", "one"], ["most"], ["keepdims": .int(0)]),
    node("Gather", ["x", "two"], ["blue"], ["axis": .int(1)]),
    node("Equal", ["blue", "most"], ["mask"]),
    node("Gather", ["x", "zero"], ["red"], ["axis": .int(1)]),
    node("Add", ["red", "most"], ["value"]),
    node("NonZero", ["mask"], ["read"]), node("Transpose", ["read"], ["readRows"], ["perm": .ints([1, 0])]),
    node("GatherND", ["value", "readRows"], ["picked"]),
    node("Equal", ["blue", "most"], ["again"]),
    node("Shape", ["red"], ["sizes"]), node("Expand", ["again", "sizes"], ["wide"]),
    node("NonZero", [usesMaskTwice ? "wide" : "mask"], ["written"]),
    node("Transpose", ["written"], ["rows"], ["perm": .ints([1, 0])]),
    node("Reshape", [number == nil ? "picked" : "scaled", "all"], ["flat"]),
    node("Shape", ["rows"], ["counts"]), node("Gather", ["counts", "zero"], ["count"]),
    node("Unsqueeze", ["count", "first"], ["end"]),
    node("Slice", ["flat", "first", "end", "first"], ["updates"]),
    node("ScatterND", ["red", "rows", "updates"], ["y"]),
  ]
  if number != nil { nodes.insert(node("Mul", ["picked", "factor"], ["scaled"]), at: 8) }
  return graph(
    [port("x", 1, 3, 4, 5)], nodes, ["y"], integers: ["one": [1], "all": [-1], "first": [0]],
    scalars: ["two": 2, "zero": 0], numbers: ["factor": Tensor(scalar: number ?? 1)])
}

private let picture: Tensor = {
  var generator = SeededGenerator(seed: 3)
  return generator.tensor([1, 3, 4, 5], in: 0...1)
}()

/// The choice between two values equals what gathering and scattering at the known places gives.
@Test(arguments: [true, false], [nil, 3] as [Float?])
func masksBecomeChoices(usesMaskTwice: Bool, factor: Float?) throws {
  let model = model(assignment(usesMaskTwice: usesMaskTwice, times: factor))
  let chosen = try ONNXImporter(model).graph()
  #expect(chosen.nodesInOrder.contains { chosen[$0].operator is Select })
  #expect(!chosen.nodesInOrder.contains { chosen[$0].operator is ScatterND })
  var binding = ONNXBinding()
  binding.values["x"] = picture
  let known = try ONNXImporter(model).graph(binding: binding)
  let expected = try GraphInterpreter(known).run([:])
  #expect(try GraphInterpreter(chosen).run(["x": picture]) == expected)
  let blue = Array(picture.floats[40...])
  let red = Array(picture.floats[..<20])
  let most = (0..<20).map { index in max(max(red[index], picture.floats[20 + index]), blue[index]) }
  let byHand = (0..<20).map { blue[$0] == most[$0] ? (red[$0] + most[$0]) * (factor ?? 1) : red[$0] }
  #expect(expected["y"]?.floats == byHand)
}

/// Updates of another mask have as many elements by chance only.
@Test func otherMasksAreNotTaken() {
  var whole = assignment()
  whole.nodes[8].inputs = ["red", "most"]
  #expect(refusal(whole).contains("shapes depend on the values of x"))
}

/// The places themselves, as an output: their number is the picture's.
@Test func placesThatArePicturesOwnAreSaid() throws {
  let places = graph([port("x", 4)], [node("NonZero", ["x"], ["y"])], ["y"])
  #expect(refusal(places).hasPrefix("shapes depend on the values of x: "))
  let values = Tensor([Float(0), 2, 0, 3], shape: [4])
  #expect(try run(places, ["x": values])["y"]?.integers == [1, 3])
  let counted = graph(
    [port("x", 4)],
    [
      node("NonZero", ["x"], ["p"]), node("Transpose", ["p"], ["q"]), node("Shape", ["q"], ["s"]),
      node("Gather", ["s", "zero"], ["y"]),
    ], ["y"], scalars: ["zero": 0])
  #expect(try run(counted, ["x": values])["y"]?.integers == [2])
}

/// A mask of more than a few thousand elements is computed when it must be known.
@Test func masksOfLargePicturesAreComputedWhereTheyMustBeKnown() throws {
  let whole = graph(
    [port("x", 1, 3, 64, 96)],
    [
      node("Relu", ["x"], ["a"]), node("Greater", ["a", "half"], ["m"]), node("NonZero", ["m"], ["p"]),
      node("Transpose", ["p"], ["q"]), node("GatherND", ["a", "q"], ["y"]),
    ], ["y"], numbers: ["half": Tensor(scalar: 0.5)])
  var generator = SeededGenerator(seed: 4)
  let large = generator.tensor([1, 3, 64, 96], in: 0...1)
  #expect(try run(whole, ["x": large])["y"]?.floats == large.floats.filter { $0 > 0.5 })
}

@Test func valuesThatTakeTooLongAreRefused() {
  let side: Int64 = 1 << 11
  let whole = graph(
    [],
    [
      node("RandomUniform", [], ["a"], ["shape": .ints([side, side])]),
      node("MatMul", ["a", "a"], ["b"]), node("NonZero", ["b"], ["c"]), node("Gather", ["c", "zero"], ["y"]),
    ], ["y"], scalars: ["zero": 0])
  let said = refusal(whole)
  #expect(said.contains("takes too much computation at import"), "\(said)")
}
