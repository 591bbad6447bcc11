import IRGraph
import IRTensor
import Testing

@testable import IRONNX

private let input = Tensor([Float(1), -2, 3, -4], shape: [4])

/// y = x + 0 + 1 + 2 + …, and the sums on the way.
private func loop(turns: Int64, condition: String = "", inner: [ONNXNode]? = nil) -> ONNXGraph {
  let body = graph(
    [port("i", type: .int64), port("go", type: .bool), port("sum", 4)],
    inner ?? [
      node("Identity", ["go"], ["next"]), node("Cast", ["i"], ["f"], ["to": .int(1)]),
      node("Add", ["sum", "f"], ["result"]), node("Identity", ["result"], ["shown"]),
    ], ["next", "result", "shown"])
  var whole = graph(
    [port("x", 4)], [node("Loop", ["turns", condition, "x"], ["y", "all"], ["body": .graph(body)])],
    ["y", "all"],
    scalars: ["turns": turns])
  whole.outputs[1] = ONNXValueInfo("all", .none)
  return whole
}

@Test func loopsAreUnrolled() throws {
  let results = try run(loop(turns: 3), ["x": input])
  #expect(results["y"]?.floats == [4, 1, 6, -1])
  #expect(results["all"]?.shape == [3, 4])
  #expect(results["all"]?.floats == [1, -2, 3, -4, 2, -1, 4, -3, 4, 1, 6, -1])
  let one = try run(loop(turns: 1), ["x": input])
  #expect(one["all"]?.shape == [1, 4])
}

@Test func loopsWithoutTurnsGiveWhatTheyTake() throws {
  for turns: Int64 in [0, -5, .min] {
    var whole = loop(turns: turns)
    guard case .graph(var body)? = whole.nodes[0][attribute: "body"] else { return }
    body.outputs[2] = port("shown", 4)
    whole.nodes[0].attributes = [ONNXNamedAttribute("body", .graph(body))]
    let results = try run(whole, ["x": input])
    #expect(results["y"] == input)
    #expect(results["all"]?.shape == [0, 4])
  }
}

@Test(arguments: [1 << 40, 1 << 15, Int64.max]) func loopsOfTooManyTurnsAreRefused(_ turns: Int64) {
  let said = refusal(loop(turns: turns))
  #expect(said.contains("it runs \(turns) turns, at most 16384 can be unrolled"), "\(said)")
}

@Test func loopsThatNeverEndAreRefused() {
  var whole = loop(turns: 1)
  whole.nodes[0].inputs[0] = ""
  let said = refusal(whole)
  #expect(said.contains("it runs over 16384 turns") || said.contains("over 65536 nodes"), "\(said)")
}

/// The condition is the picture's: without its values the loop cannot be unrolled.
@Test func loopsEndOnKnownConditions() throws {
  let computed = [
    node("ReduceMax", ["sum"], ["most"], ["keepdims": .int(0)]), node("Cast", ["i"], ["f"], ["to": .int(1)]),
    node("Less", ["most", "limit"], ["next"]), node("Add", ["sum", "f"], ["result"]),
    node("Identity", ["result"], ["shown"]),
  ]
  var whole = loop(turns: 8, inner: computed)
  whole.initializers.append(ONNXTensor(Tensor(scalar: 6), name: "limit"))
  #expect(refusal(whole).contains("shapes depend on the values of x"))
  #expect(try run(whole, ["x": input])["y"]?.floats == [7, 4, 9, 2])
}

@Test func problemsInsideOfLoopsAreReportedOnce() {
  let said = refusal(loop(turns: 9, inner: [node("Nothing", ["sum"], ["next", "result", "shown"])]))
  #expect(said.contains("1 problem in the model") && said.contains("irkit has no Nothing"), "\(said)")
}

@Test func scansAreUnrolled() throws {
  let body = graph(
    [port("state", 2), port("row", 2)],
    [node("Add", ["state", "row"], ["next"]), node("Mul", ["next", "row"], ["out"])], ["next", "out"])
  func scan(_ attributes: [String: ONNXAttribute]) -> ONNXGraph {
    graph(
      [port("s", 2), port("rows", 3, 2)],
      [
        node(
          "Scan", ["s", "rows"], ["last", "all"],
          ["body": .graph(body), "num_scan_inputs": .int(1)].merging(attributes) { $1 })
      ], ["last", "all"])
  }
  let inputs = [
    "s": Tensor([Float(1), 2], shape: [2]), "rows": Tensor([Float(1), 2, 3, 4, 5, 6], shape: [3, 2]),
  ]
  let plain = try run(scan([:]), inputs)
  #expect(plain["last"]?.floats == [10, 14])
  #expect(plain["all"]?.floats == [2, 8, 15, 32, 50, 84])
  let reversed = try run(
    scan([
      "scan_input_directions": .ints([1]), "scan_output_directions": .ints([1]),
      "scan_output_axes": .ints([-1]),
    ]), inputs)
  #expect(reversed["last"]?.floats == [10, 14])
  #expect(reversed["all"]?.floats == [10, 27, 30, 28, 48, 48])
  let long = refusal(
    graph(
      [port("s", 2), port("rows", 1 << 30, 2)],
      [node("Scan", ["s", "rows"], ["last", "all"], ["body": .graph(body), "num_scan_inputs": .int(1)])],
      ["last"]))
  #expect(long.contains("it scans 1073741824 slices, at most 16384 can be unrolled"), "\(long)")
}

/// Both branches and a choice, where the condition follows from the picture.
@Test func branchesOnComputedConditionsAreChosenFrom() throws {
  func whole(_ other: [ONNXNode]) -> ONNXGraph {
    graph(
      [port("x", 4)],
      [
        node("ReduceSum", ["x"], ["sum"], ["keepdims": .int(0)]), node("Greater", ["sum", "zero"], ["c"]),
        node(
          "If", ["c"], ["y"],
          [
            "then_branch": .graph(graph([], [node("Neg", ["x"], ["z"])], ["z"])),
            "else_branch": .graph(graph([], other, ["z"])),
          ]),
      ], ["y"], numbers: ["zero": Tensor(scalar: 0)])
  }
  let importer = ONNXImporter(model(whole([node("Abs", ["x"], ["z"])])))
  let chosen = try importer.graph()
  #expect(chosen.inputs.count == 1)
  let positive = Tensor([Float(5), -1, 2, 0], shape: [4])
  #expect(try GraphInterpreter(chosen).run(["x": input])["y"]?.floats == [1, 2, 3, 4])
  #expect(try GraphInterpreter(chosen).run(["x": positive])["y"]?.floats == [-5, 1, -2, 0])
  // Of other shapes, or where one cannot be imported, the value of the condition decides.
  for branch in [node("ReduceMax", ["x"], ["z"]), node("Nothing", ["x"], ["z"])] {
    #expect(refusal(whole([branch])).contains("shapes depend on the values of x"))
    #expect(try run(whole([branch]), ["x": positive])["y"]?.floats == [-5, 1, -2, 0])
  }
}
