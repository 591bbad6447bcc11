import IRGraph
import IROperators
import IRTensor
import Testing

private func small() throws -> (Graph, ValueID) {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [2, 3]))
  let y = try builder.value(Unary(.neg), [x], name: "negated")
  let z = try builder.value(Unary(.neg), [y], name: "again")
  builder.output(z, name: "z")
  return (try builder.finished(), y)
}

@Test func graphsEvaluate() throws {
  let (graph, _) = try small()
  let x = Tensor([Float(1), -2, 3, 4, 5, 6], shape: [2, 3])
  #expect(try GraphInterpreter(graph).run(["x": x])["z"] == x)
}

@Test func inputsAreChecked() throws {
  let (graph, _) = try small()
  #expect(throws: GraphError.self) { try GraphInterpreter(graph).run([:]) }
  #expect(throws: GraphError.self) { try GraphInterpreter(graph).run(["x": Tensor(scalar: 1)]) }
}

@Test func operatorsNameTheBrokenConstraint() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [2, 3]))
  let error = #expect(throws: GraphError.self) {
    try builder.value(Reshape(shape: [7]), [x], name: "bad")
  }
  #expect(error?.description == "bad (Reshape): [2, 3] cannot be read as [7] (Reshape.elementCount)")
}

@Test func patchesReplaceAndRemoveTheDead() throws {
  var (graph, y) = try small()
  var patch = GraphPatch(to: graph)
  let output = graph.outputs[0].value
  patch.replace(output, with: .existing(graph.inputs[0]))
  try graph.apply(patch)
  try graph.verify()
  #expect(graph.nodeCount == 0)
  #expect(!graph.contains(y))
  #expect(graph.outputs[0].value == graph.inputs[0])
}

@Test func twoInputsOfOneNameAreRefused() throws {
  var builder = GraphBuilder()
  _ = builder.input("x", TensorType(.float32, [1]))
  _ = builder.input("x", TensorType(.float32, [1]))
  let error = #expect(throws: GraphError.self) { try builder.finished() }
  #expect(error?.description.contains("Graph.inputNames") == true)
}

@Test(arguments: [
  (
    Convolution(groupCount: 5),
    "Convolution.groups"
  ),
  (
    Convolution(strides: [1], padsBefore: [0, 0], padsAfter: [0, 0], dilations: [1, 1]),
    "Convolution.stridesCount"
  ),
  (
    Convolution(strides: [0, 1], padsBefore: [0, 0], padsAfter: [0, 0], dilations: [1, 1]),
    "Convolution.strides"
  ),
  (
    Convolution(strides: [1, 1], padsBefore: [0, 0], padsAfter: [0, 0], dilations: [9, 1]),
    "Convolution.window"
  ),
])
func convolutionConstraints(convolution: Convolution, constraint: String) {
  let types = [TensorType(.float32, [1, 4, 5, 5]), TensorType(.float32, [8, 4, 3, 3])]
  let error = #expect(throws: TypeError.self) { try convolution.outputTypes(for: types) }
  #expect(error?.constraint == constraint)
}
