import IRTensor
import Testing

@testable import IRONNX

/// x0 <= 1 ? 10 : (x1 <= 2 ? 20 : 30), as the lists of a `TreeEnsembleRegressor`.
private func regressor(_ changes: [String: ONNXAttribute] = [:]) -> ONNXGraph {
  var attributes: [String: ONNXAttribute] = [
    "n_targets": .int(1), "nodes_treeids": .ints([0, 0, 0, 0, 0]), "nodes_nodeids": .ints([0, 1, 2, 3, 4]),
    "nodes_featureids": .ints([0, 0, 1, 0, 0]), "nodes_values": .floats([1, 0, 2, 0, 0]),
    "nodes_modes": .strings(["BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"].map { Array($0.utf8) }),
    "nodes_truenodeids": .ints([1, 0, 3, 0, 0]), "nodes_falsenodeids": .ints([2, 0, 4, 0, 0]),
    "target_treeids": .ints([0, 0, 0]), "target_nodeids": .ints([1, 3, 4]), "target_ids": .ints([0, 0, 0]),
    "target_weights": .floats([10, 20, 30]),
  ]
  attributes.merge(changes) { $1 }
  return graph(
    [port("x", 4, 2)], [node("TreeEnsembleRegressor", ["x"], ["y"], attributes, domain: "ai.onnx.ml")], ["y"])
}

private func value(_ graph: ONNXGraph) throws -> [Float] {
  let x = Tensor([Float(1), 9, 2, 2, 2, 3, .nan, .nan], shape: [4, 2])
  return try #require(try run(graph, ["x": x])["y"]).floats
}

@Test func treesAreSteppedDown() throws {
  // NaN is not at most anything.
  #expect(try value(regressor()) == [10, 20, 30, 30])
  #expect(try value(regressor(["base_values": .floats([0.5])])) == [10.5, 20.5, 30.5, 30.5])
}

/// Leaves of two trees that leave targets out, as ONNX Runtime 1.31 computes them: a tree that says nothing
/// of a target has no part in its minimum.
@Test(
  arguments: [
    ("SUM", [11, 2, 21, -2, 21, -2, 21, -2]), ("AVERAGE", [5.5, 1, 10.5, -1, 10.5, -1, 10.5, -1]),
    ("MIN", [1, 2, 1, -2, 1, -2, 1, -2]), ("MAX", [10, 2, 20, -2, 20, -2, 20, -2]),
  ] as [(String, [Float])]) func leavesMayLeaveTargetsOut(_ function: String, _ expected: [Float]) throws
{
  let graph = regressor([
    "n_targets": .int(2), "aggregate_function": .string(Array(function.utf8)),
    "nodes_treeids": .ints([0, 0, 0, 1, 1, 1]), "nodes_nodeids": .ints([0, 1, 2, 0, 1, 2]),
    "nodes_featureids": .ints([0, 0, 0, 0, 0, 0]), "nodes_values": .floats([1, 0, 0, 1, 0, 0]),
    "nodes_modes": .strings(
      ["BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"].map { Array($0.utf8) }),
    "nodes_truenodeids": .ints([1, 0, 0, 1, 0, 0]), "nodes_falsenodeids": .ints([2, 0, 0, 2, 0, 0]),
    "target_treeids": .ints([0, 0, 1, 1, 1, 1]), "target_nodeids": .ints([1, 2, 1, 1, 2, 2]),
    "target_ids": .ints([0, 0, 0, 1, 0, 1]), "target_weights": .floats([10, 20, 1, 2, 1, -2]),
  ])
  #expect(try value(graph) == expected)
}

/// The base is added to what the trees make of a target, which is nothing here (ONNX Runtime leaves it out
/// then).
@Test func targetsOfNoLeafAreZero() throws {
  let graph = regressor([
    "n_targets": .int(2), "aggregate_function": .string(Array("MIN".utf8)), "base_values": .floats([0.5, 4]),
  ])
  #expect(try value(graph) == [10.5, 4, 20.5, 4, 30.5, 4, 30.5, 4])
}

@Test func treesThatAreNoneAreRefused() throws {
  let cases: [(String, [String: ONNXAttribute])] = [
    ("no node 9", ["nodes_truenodeids": .ints([9, 0, 3, 0, 0])]),
    ("different lengths", ["nodes_values": .floats([1])]),
    ("different lengths", ["target_ids": .ints([0])]),
    ("appears twice", ["nodes_nodeids": .ints([0, 1, 1, 3, 4])]),
    ("leads to itself", ["nodes_truenodeids": .ints([0, 0, 3, 0, 0])]),
    ("no root, or several", ["nodes_truenodeids": .ints([2, 0, 0, 0, 0])]),
    ("no root, or several", ["nodes_falsenodeids": .ints([1, 0, 4, 0, 0])]),
    ("feature 7 of 2", ["nodes_featureids": .ints([0, 0, 7, 0, 0])]),
    ("feature", ["nodes_featureids": .ints([0, 0, -1, 0, 0])]),
    ("target 5 of 1", ["target_ids": .ints([0, 0, 5])]),
    ("with 0 targets", ["n_targets": .int(0)]), ("targets", ["n_targets": .int(.max)]),
    ("post_transform LOGISTIC", ["post_transform": .string(Array("LOGISTIC".utf8))]),
    (
      "BRANCH_MAGIC",
      ["nodes_modes": .strings(["BRANCH_MAGIC", "LEAF", "LEAF", "LEAF", "LEAF"].map { Array($0.utf8) })]
    ),
    (
      "of modes BRANCH_GT and BRANCH_LEQ",
      ["nodes_modes": .strings(["BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF"].map { Array($0.utf8) })]
    ),
    ("nodes_missing_value_tracks_true", ["nodes_missing_value_tracks_true": .ints([1, 0, 0, 0, 0])]),
    ("2 base_values for 1", ["base_values": .floats([1, 2])]),
  ]
  for (word, changes) in cases {
    do {
      let found = try value(regressor(changes))
      Issue.record("\(word): \(found)")
    } catch { #expect("\(error)".contains(word), "\(word): \(error)") }
  }
}
