import IRGraph
import IROperators
import IRTensor

/// Reshape to six axes, transposition, reshape back: pixel shuffle or unshuffle as one operator. Nodes
/// decrease; exact.
struct RecognizePixelShuffle: RewriteRule {
  static let name = "recognize-pixel-shuffle"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard node.operator is Reshape,
      let (_, transpose, moved) = graph.producer(of: node.inputs[0], as: Transpose.self),
      transpose.permutation.count == 6,
      let (_, split, sources) = graph.producer(of: moved[0], as: Reshape.self),
      graph[sources[0]].type.shape.rank == 4, graph[node.outputs[0]].type.shape.rank == 4
    else { return nil }
    let (from, to) = (graph[sources[0]].type.shape, graph[node.outputs[0]].type.shape)
    guard
      let operation = candidates(from, to).first(where: {
        $0.permutation == transpose.permutation && $0.split == split.shape
      })
    else { return nil }
    var patch = GraphPatch(to: graph)
    let value = try patch.value(operation.operation, [.existing(sources[0])], name: node.name)
    guard patch.type(of: value).shape == to else { return nil }
    patch.replace(node.outputs[0], with: value)
    return patch
  }

  private func candidates(_ from: Shape, _ to: Shape) -> [(
    operation: any Operator, split: Shape, permutation: [Int]
  )] {
    guard from.elementCount == to.elementCount, from.elementCount > 0 else { return [] }
    if to[2] > from[2], to[2] % from[2] == 0, from[1] % max(to[1], 1) == 0 {
      let block = to[2] / from[2]
      guard from[1] % (block * block) == 0 else { return [] }
      return DepthToSpaceMode.allCases.map {
        let operation = DepthToSpace(blockSize: block, mode: $0)
        return (operation, operation.sixAxes.shape(from), operation.sixAxes.permutation)
      }
    }
    guard from[2] > to[2], from[2] % to[2] == 0 else { return [] }
    let block = from[2] / to[2]
    guard from[3] % block == 0 else { return [] }
    return DepthToSpaceMode.allCases.map {
      let operation = SpaceToDepth(blockSize: block, mode: $0)
      return (operation, operation.sixAxes.shape(from), operation.sixAxes.permutation)
    }
  }
}
