import IRGraph
import IROperators
import IRTensor

/// The product q · kᵀ over the pixels of two feature maps and the norms of the rows of both become one
/// `ChannelGram` of the feature maps, which reads them once, also while they are computed. Nodes decrease;
/// reassociates the sums over pixels.
struct FuseChannelGram: RewriteRule {
  static let name = "fuse-channel-gram"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard node.operator as? MatrixMultiply == MatrixMultiply(transposesB: true),
      let x = featureMap(node.inputs[0], graph), let y = featureMap(node.inputs[1], graph),
      x.pixelCount == y.pixelCount, x.groupCount == y.groupCount, graph[x.value].type.elementType == .float32
    else { return nil }
    var patch = GraphPatch(to: graph)
    let outputs = try patch.node(
      ChannelGram(groupCount: x.groupCount), [.existing(x.value), .existing(y.value)], name: node.name)
    patch.replace(node.outputs[0], with: outputs[0])
    for (norm, output) in [(x.norm, outputs[1]), (y.norm, outputs[2])] { patch.replace(norm, with: output) }
    return patch
  }

  /// The feature map `[N, G · A, H, W]` whose rows `[N, G, A, H · W]` the value is, where their norms are
  /// wanted too.
  private func featureMap(
    _ value: ValueID, _ graph: Graph
  ) -> (value: ValueID, groupCount: Int, pixelCount: Int, norm: ValueID)? {
    guard let (_, _, sources) = graph.producer(of: value, as: Reshape.self) else { return nil }
    let (rows, featureMap) = (graph[value].type.shape, graph[sources[0]].type.shape)
    guard rows.rank == 4, featureMap.rank == 4, rows[0] == featureMap[0], rows[1] * rows[2] == featureMap[1],
      rows[3] == featureMap[2] * featureMap[3], rows[3] > 0,
      let norm = graph.users(of: value).first(where: {
        graph[$0].operator as? Reduce == Reduce(.l2, axes: [3])
      })
    else { return nil }
    return (sources[0], rows[1], rows[3], graph[norm].outputs[0])
  }
}
