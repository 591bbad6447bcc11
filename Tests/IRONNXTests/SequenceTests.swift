import IRGraph
import IRTensor
import Testing

@testable import IRONNX

private let input = Tensor((0..<12).map { Float($0) }, shape: [6, 2])

private func whole(_ nodes: [ONNXNode], _ scalars: [String: Int64] = [:]) -> ONNXGraph {
  graph([port("x", 6, 2)], nodes, ["y"], scalars: scalars)
}

@Test func sequencesAreResolvedAtImport() throws {
  let nodes = [
    node("SplitToSequence", ["x", "two"], ["s"]), node("SequenceAt", ["s", "last"], ["part"]),
    node("SequenceErase", ["s", "zero"], ["t"]), node("SequenceInsert", ["t", "part", "zero"], ["u"]),
    node("ConcatFromSequence", ["u"], ["y"], ["axis": .int(0)]),
  ]
  let results = try run(whole(nodes, ["two": 2, "last": -1, "zero": 0]), ["x": input])
  #expect(results["y"]?.floats == [8, 9, 10, 11, 4, 5, 6, 7, 8, 9, 10, 11])
}

/// PyTorch's `unbind` states a size of 1 and drops the axis besides.
@Test func partsOfOneMayLoseTheirAxis() throws {
  let nodes = [
    node("SplitToSequence", ["x", "one"], ["s"], ["axis": .int(0), "keepdims": .int(0)]),
    node("ConcatFromSequence", ["s"], ["y"], ["axis": .int(1), "new_axis": .int(1)]),
  ]
  let results = try run(whole(nodes, ["one": 1]), ["x": input])
  #expect(results["y"]?.shape == [2, 6])
}

@Test func sequencesGrowInLoops() throws {
  let body = graph(
    [port("i", type: .int64), port("go", type: .bool), ONNXValueInfo("s", .sequence(.none))],
    [
      node("Identity", ["go"], ["next"]), node("Gather", ["x", "i"], ["row"]),
      node("SequenceInsert", ["s", "row"], ["t"]),
    ], ["next", "t"])
  let nodes = [
    node("SequenceEmpty", [], ["empty"]),
    node("Loop", ["turns", "", "empty"], ["s"], ["body": .graph(body)]),
    node("ConcatFromSequence", ["s"], ["y"], ["axis": .int(-1), "new_axis": .int(1)]),
  ]
  let results = try run(whole(nodes, ["turns": 3]), ["x": input])
  #expect(results["y"]?.floats == [0, 2, 4, 1, 3, 5])
}

/// A sequence that a model gives is an output for each element, one that it takes an input for each.
@Test func portsThatAreSequences() throws {
  var map = graph([port("a", 2)], [node("Neg", ["a"], ["b"])], ["b"])
  map.name = "negated"
  var taken = graph([], [node("SequenceMap", ["s"], ["y"], ["body": .graph(map)])], ["y"])
  taken.inputs = [ONNXValueInfo("s", .sequence(.tensor(elementType: 1, shape: nil)))]
  let inputs = ["s.0": Tensor([Float(1), 2], shape: [2]), "s.1": Tensor([Float(3), 4], shape: [2])]
  let results = try run(taken, inputs)
  #expect(results["y.0"]?.floats == [-1, -2])
  #expect(results["y.1"]?.floats == [-3, -4])
  #expect(refusal(taken).contains("input s is a sequence: the types of its elements must be given"))
}

@Test func optionalsAreTheirElements() throws {
  var taken = graph(
    [], [node("OptionalHasElement", ["o"], ["has"]), node("Cast", ["has"], ["y"], ["to": .int(1)])], ["y"])
  taken.inputs = [ONNXValueInfo("o", .optional(.tensor(elementType: 1, shape: nil)))]
  #expect(try run(taken, [:])["y"]?.floats == [0])
  #expect(try run(taken, ["o": input])["y"]?.floats == [1])
  taken.nodes = [node("OptionalGetElement", ["o"], ["y"])]
  #expect(try run(taken, ["o": input])["y"] == input)
  #expect(refusal(taken).contains("the optional has no element"))
}

@Test func hostileSequencesAreRefused() {
  func said(_ nodes: [ONNXNode], _ scalars: [String: Int64] = [:]) -> String {
    refusal(whole(nodes, scalars))
  }
  let split = node("SplitToSequence", ["x", "two"], ["s"])
  for position: Int64 in [3, -4, .max, .min, 1_000_000_000] {
    let at = node("SequenceAt", ["s", "p"], ["y"])
    #expect(
      said([split, at], ["two": 2, "p": position]).contains("position \(position) in a sequence of 3"))
  }
  let at = node("SequenceAt", ["x", "zero"], ["y"])
  #expect(said([at], ["zero": 0]).contains("input 0 is not a sequence"))
  #expect(said([split, node("Relu", ["s"], ["y"])], ["two": 2]).contains("is a sequence of 3 tensors"))
  #expect(
    said([node("SequenceEmpty", [], ["s"]), node("ConcatFromSequence", ["s"], ["y"])]).contains(
      "without elements"))
  let long = refusal(graph([port("x", 1_000_000_000)], [node("SplitToSequence", ["x"], ["y"])], ["y"]))
  #expect(long.contains("1000000000 parts along axis 0"), "\(long)")
  // A sequence that doubles thirty times.
  let body = graph(
    [port("a", 2)], [node("Identity", ["a"], ["b"]), node("Identity", ["a"], ["c"])], ["b", "c"])
  var nodes = [split]
  for turn in 0..<30 {
    nodes.append(
      node(
        "SequenceMap", [turn == 0 ? "s" : "b\(turn)"], ["b\(turn + 1)", "c\(turn + 1)"],
        ["body": .graph(body)]))
  }
  #expect(said(nodes + [node("SequenceLength", ["b30"], ["y"])], ["two": 2]) == "(nothing was thrown)")
  let wide = (0..<4000).map { _ in "x" }
  let many = (0..<300).map { node("SequenceConstruct", wide, ["s\($0)"]) }
  #expect(said(many + [node("SequenceLength", ["s0"], ["y"])]).contains("over 1048576 elements together"))
}
