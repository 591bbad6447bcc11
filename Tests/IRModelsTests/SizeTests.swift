import IRGraph
import IRModels
import IRONNX
import IROperators
import IRTensor
import IRTestSupport
import Testing

/// Sides that the network takes, no two the same.
private func sides(_ network: some RestorationNetwork) -> [(height: Int, width: Int)] {
  let m = network.multiple
  return m == 1 ? [(37, 51), (64, 41), (23, 33)] : [(5 * m, 7 * m), (8 * m, 3 * m), (7 * m, 9 * m)]
}

/// A graph built for one size, typed anew for another, is the graph built for that one; and so is the file
/// with open sizes, in the oldest operator set and the newest.
@Test(arguments: smallNetworks.indices)
func oneGraphForEverySize(_ index: Int) throws {
  let network = try network(smallNetworks[index].name, json: smallNetworks[index].json)
  let weights = InitialWeights.check(try network.parameters())
  let (from, others) = (sides(network)[0], sides(network).dropFirst())
  let channels = network.channelCount
  let graph = try network.graph(weights: weights, image: [1, channels, from.height, from.width])
  for opset in [ONNXModel.writableOpsets.lowerBound, ONNXModel.writableOpsets.upperBound] {
    let model = try ONNXModel(graph, opset: opset, openSizes: openSides)
    #expect(model.openDimensions == ["H", "W"])
    for side in others {
      let image: Shape = [1, channels, side.height, side.width]
      let built = try network.graph(weights: weights, image: image)
      let rebound = try graph.rebound(to: ["image": TensorType(.float32, image)])
      #expect(rebound.text(constantByteCountLimit: 0) == built.text(constantByteCountLimit: 0))
      try rebound.verify()
      let inputs = numbers(for: built)
      let expected = try compiled(built, inputs)
      let read = try imported(model, height: side.height, width: side.width)
      let found = try compiled(read, inputs)
      #expect(Set(found.keys) == Set(expected.keys))
      for (name, tensor) in expected {
        expectClose(found[name], tensor, .ofRange(2e-5), "\(network) \(name) at \(image)")
      }
      #expect(expected["restored"]?.shape.suffix(2) == [side.height, side.width])
    }
  }
}

@Test(arguments: smallNetworks.indices)
func fixedSizesHaveNoShapeArithmetic(_ index: Int) throws {
  let network = try network(smallNetworks[index].name, json: smallNetworks[index].json)
  let weights = InitialWeights.fresh(try network.parameters(), seed: 3)
  let m = max(network.multiple, 16)
  let graph = try network.graph(weights: weights, image: [1, network.channelCount, 3 * m, 2 * m])
  let model = try ONNXModel(graph)
  #expect(model.openDimensions == [])
  #expect(!model.graph.nodes.contains { $0.opType == "Shape" })
}

@Test func sizesAreComputed() throws {
  let a = SizeExpression.extent(axis: 0)
  let text = "\((a + 5) * 2 / 3 - .minimum(a, 4) % 3)"
  #expect(text == "x0.0 5 + 2 * 3 / x0.0 4 min 3 % -")
  #expect(try ((a + 5) * 2 / 3 - .minimum(a, 4) % 3).value(for: [[7]]) == 7)
  #expect("\(SizeExpression(6) * 7)" == "42")
  #expect(throws: TypeError.self) { try (a / 0).value(for: [[7]]) }
  #expect(throws: TypeError.self) { try SizeExpression.extent(axis: 1).value(for: [[7]]) }
  #expect(throws: TypeError.self) { try (a * a * a * a).value(for: [[1 << 20]]) }
}

@Test func aSizeThatAGraphNamesCannotBeOpen() throws {
  var builder = GraphBuilder()
  let x = builder.input("image", TensorType(.float32, [1, 2, 4, 6]))
  builder.output(try builder.value(Reshape(shape: [1, 2, 24]), [x]), name: "y")
  let graph = try builder.finished()
  #expect(throws: GraphError.self) { try graph.rebound(to: ["image": TensorType(.float32, [1, 2, 8, 6])]) }
  #expect(throws: GraphError.self) { try graph.rebound(to: ["picture": TensorType(.float32, [1])]) }
  #expect(throws: ONNXError.self) { try ONNXModel(graph, openSizes: openSides) }
}
