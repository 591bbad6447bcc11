import IRGraph
import IRTensor
import Testing

@testable import IRONNX

/// A node with attributes.
func node(
  _ opType: String, _ inputs: [String], _ outputs: [String], _ attributes: [String: ONNXAttribute] = [:],
  domain: String = ""
) -> ONNXNode {
  var node = ONNXNode(opType, inputs: inputs, outputs: outputs)
  node.attributes = attributes.sorted { $0.key < $1.key }.map { ONNXNamedAttribute($0.key, $0.value) }
  node.domain = domain
  return node
}

/// A port that is a float32 tensor of these sizes.
func port(_ name: String, _ sizes: Int64..., type: ElementType = .float32) -> ONNXValueInfo {
  ONNXValueInfo(name, .tensor(elementType: type.rawValue, shape: sizes.map { .fixed($0) }))
}

/// A graph of nodes, with int64 and float32 initializers by name.
func graph(
  _ inputs: [ONNXValueInfo], _ nodes: [ONNXNode], _ outputs: [String], integers: [String: [Int64]] = [:],
  scalars: [String: Int64] = [:], numbers: [String: Tensor] = [:]
) -> ONNXGraph {
  var graph = ONNXGraph()
  graph.name = "test"
  (graph.inputs, graph.nodes) = (inputs, nodes)
  graph.outputs = outputs.map { ONNXValueInfo($0, .none) }
  graph.initializers =
    integers.map { ONNXTensor(Tensor($0.value, shape: [$0.value.count]), name: $0.key) }
    + scalars.map { ONNXTensor(Tensor([$0.value], shape: .scalar), name: $0.key) }
    + numbers.map { ONNXTensor($0.value, name: $0.key) }
  return graph
}

func model(_ graph: ONNXGraph, opset: Int64 = 21) -> ONNXModel {
  var model = ONNXModel()
  model.opsetImports = ["": opset, "com.microsoft": 1, "ai.onnx.ml": 3]
  model.graph = graph
  return model
}

/// The outputs of a model by the operators' definitions.
func run(_ graph: ONNXGraph, _ inputs: [String: Tensor], opset: Int64 = 21) throws -> [String: Tensor] {
  try GraphInterpreter(try ONNXImporter(model(graph, opset: opset)).graph(for: inputs)).run(inputs)
}

/// The sentence with which the import of a model fails.
func refusal(_ graph: ONNXGraph, opset: Int64 = 21) -> String {
  failure { () throws(ONNXError) in _ = try ONNXImporter(model(graph, opset: opset)).graph() }
}
