import IRGraph
import IROperators

/// A sum with a picture that nothing else reads before its channels are moved into space, such as an upsampled picture and
/// its skip, becomes one step, which needs no memory for the moved picture and none for the sum. Nodes decrease; exact.
struct FuseDepthToSpace: RewriteRule {
  static let name = "fuse-depth-to-space"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let binary = node.operator as? Binary, binary.function == .add else { return nil }
    for (value, picture) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard graph[value].type == graph[picture].type, graph[value].type.elementType == .float32,
        graph.onlyUser(of: value) == id,
        let (_, move, inputs) = graph.producer(of: value, as: DepthToSpace.self)
      else { continue }
      var patch = GraphPatch(to: graph)
      let sum = try patch.value(
        DepthToSpaceSum(move), [.existing(inputs[0]), .existing(picture)], name: node.name)
      patch.replace(node.outputs[0], with: sum)
      return patch
    }
    return nil
  }
}
