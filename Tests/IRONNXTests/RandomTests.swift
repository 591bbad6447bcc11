import IRGraph
import IRTensor
import Testing

@testable import IRONNX

private func drawn(_ opType: String, _ attributes: [String: ONNXAttribute]) throws -> [Float] {
  let shape: [String: ONNXAttribute] = ["shape": .ints([100, 100])]
  let whole = graph([], [node(opType, [], ["y"], shape.merging(attributes) { $1 })], ["y"])
  return try #require(try run(whole, [:])["y"]).floats
}

/// The same numbers in each import; another seed, or another node without one, draws others.
@Test(arguments: ["RandomNormal", "RandomUniform"]) func randomTensorsRepeat(_ opType: String) throws {
  let first = try drawn(opType, [:])
  #expect(try drawn(opType, [:]) == first)
  let seeded = try drawn(opType, ["seed": .float(3)])
  #expect(try drawn(opType, ["seed": .float(3)]) == seeded)
  #expect(seeded != first)
  #expect(try drawn(opType, ["seed": .float(4)]) != seeded)
  let pair = graph(
    [],
    [node(opType, [], ["a"], ["shape": .ints([9])]), node(opType, [], ["b"], ["shape": .ints([9])])],
    ["a", "b"])
  let results = try run(pair, [:])
  #expect(results["a"] != results["b"])
}

@Test func randomTensorsHaveTheirDistribution() throws {
  let normal = try drawn("RandomNormal", ["mean": .float(2), "scale": .float(3)]).map { Double($0) }
  let mean = normal.reduce(0, +) / 10_000
  let variance = normal.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 10_000
  // Four standard errors.
  #expect((mean - 2).magnitude < 0.12 && (variance.squareRoot() - 3).magnitude < 0.085)
  #expect((normal.count { ($0 - 2).magnitude < 3 } - 6827).magnitude < 190)
  let uniform = try drawn("RandomUniform", ["low": .float(-1), "high": .float(3)])
  #expect(uniform.allSatisfy { $0 >= -1 && $0 <= 3 })
  for quarter in 0..<4 {
    let low = Float(quarter) - 1
    #expect((uniform.count { $0 >= low && $0 < low + 1 } - 2500).magnitude < 175)
  }
}

@Test func chancesAreFollowed() throws {
  let whole = graph([port("x", 10_000)], [node("Bernoulli", ["x"], ["y"])], ["y"])
  for (chance, expected) in [(Float(0), 0...0), (0.3, 2815...3185), (1, 10_000...10_000)] {
    let input = Tensor([Float](repeating: chance, count: 10_000), shape: [10_000])
    let count = try #require(try run(whole, ["x": input])["y"]).floats.count { $0 == 1 }
    #expect(expected.contains(count), "\(count) of \(chance)")
  }
  let classes = graph(
    [port("x", 1, 3)], [node("Multinomial", ["x"], ["y"], ["sample_size": .int(10_000)])], ["y"])
  let logarithms = Tensor([Float(0), 0.693_147_2, -100], shape: [1, 3])
  let picks = try #require(try run(classes, ["x": logarithms])["y"]).integers
  #expect(picks.count { $0 == 2 } == 0)
  #expect((picks.count { $0 == 1 } - 6667).magnitude < 190)
}

@Test func hugeRandomTensorsAreRefused() {
  for shape in [[1 << 40], [1 << 32, 1 << 32], [-1], [.max, .max]] as [[Int64]] {
    let said = refusal(graph([], [node("RandomNormal", [], ["y"], ["shape": .ints(shape)])], ["y"]))
    #expect(said.contains("at most 33554432 are drawn"), "\(said)")
  }
}
