import IRGraph
import IROperators
import IRTensor

/// Transposed attention's weights times v, projected by a 1×1 convolution, becomes one 1×1 convolution of v
/// whose weight is projection · blockdiag(attention): the product over all pixels becomes one over channels.
/// Multiply-adds decrease; reassociates a product of three matrices.
struct FoldAttentionIntoProjection: RewriteRule {
  static let name = "fold-attention-into-projection"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let convolution = node.operator as? Convolution,
      let weight = graph.constant(node.inputs[1]), convolution.isPointwise(weight.shape),
      let attention = attention(node.inputs[0], usedBy: id, graph)
    else { return nil }
    let (outputs, channels) = (weight.shape[0], weight.shape[1])
    let (heads, size) = (attention.heads, channels / attention.heads)
    // [O, heads, size] to [heads, O, size].
    let rows = Transpose(permutation: [1, 0, 2]).evaluate([weight.reshaped(to: [outputs, heads, size])])[0]
    let name = node.name
    var patch = GraphPatch(to: graph)
    let matrix = patch.constant(
      rows.reshaped(to: [1, heads, outputs, size]), name: "\(graph[node.inputs[1]].name).heads")
    let product = try patch.value(
      MatrixMultiply(), [matrix, .existing(attention.weights)], name: "\(name).product")
    let moved = try patch.value(Transpose(permutation: [0, 2, 1, 3]), [product], name: "\(name).columns")
    let folded = try patch.value(Reshape(shape: [outputs, channels, 1, 1]), [moved], name: "\(name).weight")
    let operands =
      [.existing(attention.values), folded] + node.inputs.dropFirst(2).map { GraphPatch.Operand.existing($0) }
    patch.replace(node.outputs[0], with: try patch.value(convolution, operands, name: name))
    return patch
  }

  /// The attention `[1, heads, size, size]` and v `[1, heads · size, H, W]` where the value is their product
  /// as a feature map, and many more pixels than channels profit.
  private func attention(
    _ value: ValueID, usedBy id: NodeID, _ graph: Graph
  ) -> (weights: ValueID, values: ValueID, heads: Int)? {
    guard graph.onlyUser(of: value) == id,
      let (reshapeID, _, flat) = graph.producer(of: value, as: Reshape.self),
      graph.onlyUser(of: flat[0]) == reshapeID,
      let (_, product, operands) = graph.producer(of: flat[0], as: MatrixMultiply.self),
      product == MatrixMultiply(), graph.constant(operands[0]) == nil,
      let (_, _, sources) = graph.producer(of: operands[1], as: Reshape.self)
    else { return nil }
    let (weights, featureMap) = (graph[operands[0]].type.shape, graph[value].type.shape)
    guard weights.rank == 4, weights[0] == 1, weights[2] == weights[3],
      graph[sources[0]].type.shape == featureMap,
      featureMap.rank == 4, featureMap[0] == 1, weights[1] * weights[2] == featureMap[1],
      graph[operands[1]].type.shape == [1, weights[1], weights[2], featureMap[2] * featureMap[3]],
      featureMap[2] * featureMap[3] > 2 * featureMap[1]
    else { return nil }
    return (operands[0], sources[0], weights[1])
  }
}
