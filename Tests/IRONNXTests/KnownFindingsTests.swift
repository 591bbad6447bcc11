import IRTensor
import Testing

@testable import IRONNX

// Small models that once cost time or memory without bound. Each is refused in words, at once.

/// Turns without nodes cost as well: 10,000 times 10,000 of them.
@Test func emptyLoopBodiesAreCounted() {
  func body(_ nodes: [ONNXNode], _ result: String) -> ONNXGraph {
    var body = graph([port("i", type: .int64), port("c", type: .bool), port("v", 4)], nodes, ["c", result])
    body.name = "body"
    return body
  }
  let inner = node("Loop", ["turns", "", "v"], ["w"], ["body": .graph(body([], "v"))])
  let whole = graph(
    [port("x", 4)],
    [node("Loop", ["turns", "", "x"], ["y"], ["body": .graph(body([inner], "w"))])], ["y"],
    scalars: ["turns": 10_000])
  let said = refusal(whole)
  #expect(said.contains("over 65536 nodes with its functions inlined and its loops unrolled"), "\(said)")
}

/// An If around which nothing is known, in loops in loops: every level would look through all below it.
@Test func branchesInLoopsInLoopsAreBounded() {
  var nodes = [node("Neg", ["v"], ["r"])]
  var names = ["r"]
  for level in 0..<5 {
    let branch = graph([], nodes, [names[0]])
    let other = graph([], [node("Abs", ["v"], ["a\(level)"])], ["a\(level)"])
    let choice = node(
      "If", ["no"], ["w\(level)"], ["then_branch": .graph(branch), "else_branch": .graph(other)])
    var body = graph(
      [port("i", type: .int64), port("c", type: .bool), port("v", 4)],
      [choice, node("Identity", ["c"], ["d"])], ["d", "w\(level)"])
    body.name = "body"
    nodes = [node("Loop", ["turns", "", "v"], ["r\(level)"], ["body": .graph(body)])]
    names = ["r\(level)"]
  }
  var whole = graph(
    [port("v", 4), port("no", type: .bool)], nodes, names, scalars: ["turns": 100])
  whole.name = "levels"
  #expect(refusal(whole) != "(nothing was thrown)")
}

/// Each tensor of a stated size is small enough; all together are not.
@Test func statedSizesAreCountedTogether() {
  let nodes = (0..<8).map { node("RandomUniform", [], ["c\($0)"], ["shape": .ints([2100, 2100])]) }
  let said = refusal(graph([port("x", 1)], nodes, (0..<8).map { "c\($0)" }))
  #expect(said.contains("at most 33554432 are drawn for a model"), "\(said)")
}
