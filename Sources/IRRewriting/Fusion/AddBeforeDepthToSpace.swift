import IRGraph
import IROperators

/// A sum with a feature map whose channels are moved into space, such as an upsampled feature map and its
/// skip, is taken before the move, of the blocks of the other feature map: regions read and write blocks as
/// they go, so that neither the moved feature map nor the sum needs memory of its own. Exact; sums after
/// moves decrease.
struct AddBeforeDepthToSpace: RewriteRule {
  static let name = "add-before-depth-to-space"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let binary = node.operator as? Binary, binary.function == .add else { return nil }
    for (value, featureMap) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard graph[value].type == graph[featureMap].type, graph[value].type.elementType == .float32,
        graph.onlyUser(of: value) == id,
        let (_, move, inputs) = graph.producer(of: value, as: DepthToSpace.self)
      else { continue }
      var patch = GraphPatch(to: graph)
      let blocks = try patch.value(
        SpaceToDepth(blockSize: move.blockSize, mode: move.mode), [.existing(featureMap)],
        name: "\(node.name).blocks")
      let sum = try patch.value(Binary(.add), [.existing(inputs[0]), blocks], name: "\(node.name).sum")
      patch.replace(node.outputs[0], with: try patch.value(move, [sum], name: node.name))
      return patch
    }
    return nil
  }
}
