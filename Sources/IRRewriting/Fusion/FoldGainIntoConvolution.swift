import IRGraph
import IROperators
import IRTensor

/// Channels of a feature map that are multiplied by computed numbers on their way into a 1×1 convolution, as
/// channel attention does (NAFNet's, squeeze and excite): the weights are, which are fewer. Elements written
/// decrease; reassociates, each product by one rounding more.
struct FoldGainIntoConvolution: RewriteRule {
  static let name = "fold-gain-into-convolution"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    let fused = node.operator as? FusedConvolution
    guard let convolution = fused?.convolution ?? (node.operator as? Convolution),
      let weight = graph.constant(node.inputs[1])?.shape, convolution.isPointwise(weight),
      graph.onlyUser(of: node.inputs[0]) == id,
      let (_, binary, operands) = graph.producer(of: node.inputs[0], as: Binary.self),
      binary.function == .multiply,
      case let featureMap = graph[node.inputs[0]].type.shape, featureMap[0] == 1,
      featureMap[2] * featureMap[3] > 2 * weight[0], !isScaledBehind(node, graph)
    else { return nil }
    for (x, gain) in [(operands[0], operands[1]), (operands[1], operands[0])] {
      let shape = graph[gain].type.shape
      guard graph[x].type.shape == featureMap, graph.constant(gain) == nil,
        graph.isOfChannels(shape, featureMap)
      else { continue }
      var patch = GraphPatch(to: graph)
      let row: Shape = [1, featureMap[1], 1, 1]
      let factors =
        shape == row
        ? GraphPatch.Operand.existing(gain)
        : try patch.value(Reshape(shape: row), [.existing(gain)], name: "\(node.name).gain")
      let scaled = try patch.value(
        Binary(.multiply), [.existing(node.inputs[1]), factors], name: "\(node.name).weight")
      let inputs = [GraphPatch.Operand.existing(x), scaled] + node.inputs.dropFirst(2).map { .existing($0) }
      patch.replace(node.outputs[0], with: try patch.value(node.operator, inputs, name: node.name))
      return patch
    }
    return nil
  }

  /// Whether the result is multiplied by constants: weights take those while they are constant themselves.
  private func isScaledBehind(_ node: Node, _ graph: Graph) -> Bool {
    guard let user = graph.onlyUser(of: node.outputs[0]), let binary = graph[user].operator as? Binary,
      binary.function == .multiply
    else { return false }
    let shape = graph[node.outputs[0]].type.shape
    return graph[user].inputs.contains { graph.channelFactors($0, of: shape) != nil }
  }
}
