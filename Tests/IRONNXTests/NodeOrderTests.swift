import IRGraph
import IRTensor
import Testing

@testable import IRONNX

private let input = Tensor([Float(1), -2, 3, -4], shape: [4])

/// Converters of element types put their casts last.
@Test func nodesMayComeInAnyOrder() throws {
  let nodes = [
    node("Relu", ["x"], ["a"]), node("Neg", ["a"], ["b"]), node("Add", ["b", "x"], ["c"]),
    node("Mul", ["c", "a"], ["y"]),
  ]
  let expected = try run(graph([port("x", 4)], nodes, ["y"]), ["x": input])
  #expect(expected["y"]?.floats == [0, 0, 0, 0])
  for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
    #expect(try run(graph([port("x", 4)], order.map { nodes[$0] }, ["y"]), ["x": input]) == expected)
  }
}

@Test func sortedNodesKeepTheirOrder() throws {
  let nodes = [node("A", ["x"], ["a"]), node("B", [], ["b"]), node("C", ["a", "b"], ["c"])]
  var count = 0
  #expect(try NodeOrder.sorted(nodes, known: [], nameCount: &count) == [0, 1, 2])
  #expect(try NodeOrder.sorted([nodes[2], nodes[0], nodes[1]], known: [], nameCount: &count) == [1, 2, 0])
  #expect(count == 0)
}

/// A branch reads a value of the graph around it, whose node comes later in the file.
@Test func branchesReadValuesMadeLater() throws {
  let branch = graph([], [node("Neg", ["late"], ["z"])], ["z"])
  let other = graph([], [node("Abs", ["late"], ["z"])], ["z"])
  let nodes = [
    node("If", ["condition"], ["y"], ["then_branch": .graph(branch), "else_branch": .graph(other)]),
    node("Relu", ["x"], ["late"]),
  ]
  let whole = graph(
    [port("x", 4)], nodes, ["y"], numbers: ["condition": Tensor([true], shape: .scalar)])
  #expect(try run(whole, ["x": input])["y"]?.floats == [-1, 0, -3, 0])
}

@Test func cyclesNameANode() {
  let loop = [
    node("Neg", ["x"], ["a"]), node("Add", ["a", "d"], ["b"]), node("Relu", ["b"], ["c"]),
    node("Abs", ["c"], ["d"]),
  ]
  let said = refusal(graph([port("x", 4)], loop, ["d"]))
  #expect(said.contains("follows from its own output: the nodes form a cycle"), "\(said)")
  let branch = graph([], [node("Neg", ["y"], ["z"])], ["z"])
  let inner = node("If", ["c"], ["y"], ["then_branch": .graph(branch), "else_branch": .graph(branch)])
  let nested = refusal(
    graph([port("x", 4)], [inner], ["y"], numbers: ["c": Tensor([true], shape: .scalar)]))
  #expect(nested.contains("its input y follows from its own output"), "\(nested)")
}

@Test func absentOperatorsAreNamedForWhatTheyAre() {
  func said(_ opType: String, _ domain: String = "") -> String {
    refusal(graph([port("x", 4)], [node(opType, ["x"], ["y"], domain: domain)], ["y"]))
  }
  #expect(said("ImageDecoder").contains("irkit has no ImageDecoder of this operator set"))
  #expect(said("StringConcat").contains("irkit does not compute with texts"))
  #expect(said("Conv", "com.microsoft.nchwc").contains("before ONNX Runtime optimized it"))
  #expect(said("Own", "their.domain").contains("export the model with standard operators"))
  for opType in ["ImageDecoder", "StringConcat"] {
    #expect(!said(opType).contains("export the model with standard operators"))
  }
}

@Test func missingOutputsAreSaid() {
  #expect(refusal(graph([port("x", 4)], [], ["y"])).contains("no node of the graph has the output y"))
}

/// A branch that is never taken is looked through at every turn of the loop around it.
@Test func graphsThatLoopsLookThroughAreBounded() {
  let large = graph([], (0..<2000).map { node("Neg", ["x"], ["n\($0)"]) }, ["n0"])
  let small = graph([], [node("Abs", ["x"], ["z"])], ["z"])
  func loop(turns: Int64) -> ONNXGraph {
    var body = graph(
      [port("i", type: .int64), port("c", type: .bool), port("v", 4)],
      [
        node("If", ["no"], ["w"], ["then_branch": .graph(large), "else_branch": .graph(small)]),
        node("Identity", ["c"], ["d"]),
      ], ["d", "w"])
    body.name = "body"
    return graph(
      [port("x", 4)], [node("Loop", ["turns", "", "x"], ["y"], ["body": .graph(body)])], ["y"],
      scalars: ["turns": turns], numbers: ["no": Tensor([false], shape: .scalar)])
  }
  #expect(throws: Never.self) { try run(loop(turns: 3), ["x": input])["y"]?.floats }
  #expect(refusal(loop(turns: 4000)).contains("too large to be looked through at every turn"))
}
