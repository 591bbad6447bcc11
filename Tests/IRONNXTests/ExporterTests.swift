import IRGraph
import IRONNX
import IROperators
import IRTensor
import IRTestSupport
import Testing

/// Through a file's bytes and back, the graph computes the same.
@Test(
  arguments: OperatorSample.all.indices,
  [ONNXModel.writableOpsets.lowerBound, ONNXModel.writableOpsets.upperBound])
func operatorsSurviveTheFile(_ index: Int, _ opset: Int64) throws {
  let sample = OperatorSample.all[index]
  let graph = try sample.graph()
  let model: ONNXModel
  switch Result(catching: { () throws(ONNXError) in try ONNXModel(graph, opset: opset) }) {
  case .success(let made): model = made
  case .failure(let error):
    // Wrapping pads came with operator set 19, bits read anew with 26, shifts of signed integers with 28.
    #expect(opset == 18 && "\(error)".contains("needs operator set"))
    return
  }
  let read = try model.serialized().withUnsafeBytes { try ONNXModel(bytes: $0) }
  #expect(read.opset == opset)
  let results = try GraphInterpreter(try ONNXImporter(read).graph()).run(sample.feeds)
  for (name, expected) in sample.expected {
    expectClose(results[name], expected, .ofRange(1e-6), "\(sample)")
  }
}

@Test func everyOperatorHasAForm() {
  #expect(OperatorSet.standard.names.filter { !ONNXModel.writableOperators.contains($0) } == [])
}

@Test func opsetsOutsideTheRangeAreRefused() throws {
  let graph = try OperatorSample.all[0].graph()
  for opset: Int64 in [7, 17, 29] { #expect(throws: ONNXError.self) { try ONNXModel(graph, opset: opset) } }
}

/// An input, a constant and one value twice as outputs: each needs a node of its own in the file.
@Test func outputsThatNothingComputes() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [2]))
  let y = try builder.value(Unary(.neg), [x], name: "x")
  let constant = builder.constant(Tensor([Float(1), 2], shape: [2]), name: "b")
  builder.output(x, name: "a")
  builder.output(y, name: "b")
  builder.output(y, name: "c")
  builder.output(constant, name: "d")
  let model = try ONNXModel(try builder.finished())
  let input = Tensor([Float(3), 4], shape: [2])
  let results = try GraphInterpreter(try ONNXImporter(model).graph()).run(["x": input])
  let expected: [(String, [Float])] = [("a", [3, 4]), ("b", [-3, -4]), ("c", [-3, -4]), ("d", [1, 2])]
  for (name, values) in expected { #expect(results[name]?.floats == values) }
}
