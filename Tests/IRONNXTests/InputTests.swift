import IRGraph
import IRTensor
import Testing

@testable import IRONNX

/// Some exporters write -1 for a size that is open.
@Test func sizesOfMinusOneAreOpen() throws {
  let whole = graph([port("x", 1, -1)], [node("Neg", ["x"], ["y"])], ["y"])
  #expect(model(whole).openDimensions == ["x.1"])
  let input = Tensor([Float(1), 2, 3], shape: [1, 3])
  #expect(try run(whole, ["x": input])["y"]?.floats == [-1, -2, -3])
  let importer = ONNXImporter(model(whole))
  #expect(try importer.graph(binding: ONNXBinding(dimensions: ["x.1": 5])).inputs.count == 1)
  #expect(
    failure { () throws(ONNXError) in _ = try importer.graph() } == "the sizes x.1 have no value: state them")
}

private func sparse(_ values: [Float], _ indices: Tensor, _ dims: [Int64]) -> ONNXGraph {
  var whole = graph([port("x", 2, 3)], [node("Add", ["x", "s"], ["y"])], ["y"])
  whole.sparseInitializers = [
    ONNXSparseTensor(
      values: ONNXTensor(Tensor(values, shape: [values.count]), name: "s"),
      indices: ONNXTensor(indices, name: "i"), dims: dims)
  ]
  return whole
}

@Test func sparseTensorsBecomeDense() throws {
  let zeros = Tensor([Float](repeating: 0, count: 6), shape: [2, 3])
  let linear = sparse([7, 8], Tensor([Int64(1), 5], shape: [2]), [2, 3])
  #expect(try run(linear, ["x": zeros])["y"]?.floats == [0, 7, 0, 0, 0, 8])
  let tuples = sparse([7, 8], Tensor([Int64(0), 2, 1, 0], shape: [2, 2]), [2, 3])
  #expect(try run(tuples, ["x": zeros])["y"]?.floats == [0, 0, 7, 8, 0, 0])
}

@Test func hostileSparseTensorsAreRefused() {
  let one = Tensor([Int64(0)], shape: [1])
  for dims in [[1 << 40, 1 << 40], [-1], [.max, .max]] as [[Int64]] {
    #expect(refusal(sparse([1], one, dims)).contains("are not a shape"))
  }
  for place in [6, -1, .max, .min] as [Int64] {
    #expect(refusal(sparse([1], Tensor([place], shape: [1]), [2, 3])).contains("a value outside of [2, 3]"))
    let tuple = Tensor([0, place], shape: [1, 2])
    #expect(refusal(sparse([1], tuple, [2, 3])).contains("a value at \(place) of an axis of 3"))
  }
  #expect(refusal(sparse([1, 2], one, [2, 3])).contains("[2] values at places of int64[1] in [2, 3]"))
  // Nothing of the size that is stated is allocated.
  #expect(refusal(sparse([1], one, [1 << 39])).contains("do not broadcast"))
}

/// A function's inputs that a call leaves out are absent, not undefined.
@Test func functionsMayLeaveInputsOut() throws {
  var whole = model(
    graph(
      [port("x", 3)],
      [node("Own", ["x"], ["y"], domain: "f"), node("Own", ["x", "", "x"], ["z"], domain: "f")], ["y", "z"]))
  whole.opsetImports["f"] = 1
  var function = ONNXFunction()
  (function.name, function.domain, function.opsetImports) = ("Own", "f", ["": 21])
  (function.inputs, function.outputs) = (["a", "low", "high"], ["b"])
  function.nodes = [
    node("ReduceMax", ["a"], ["most"], ["keepdims": .int(0)]), node("Clip", ["a", "low", "most"], ["c"]),
    node("OptionalHasElement", ["high"], ["has"]), node("Cast", ["has"], ["one"], ["to": .int(1)]),
    node("Add", ["c", "one"], ["b"]),
  ]
  whole.functions = [function]
  let input = Tensor([Float(1), 2, 3], shape: [3])
  let results = try GraphInterpreter(try ONNXImporter(whole).graph(for: ["x": input])).run(["x": input])
  #expect(results["y"]?.floats == [1, 2, 3])
  #expect(results["z"]?.floats == [2, 3, 4])
}
