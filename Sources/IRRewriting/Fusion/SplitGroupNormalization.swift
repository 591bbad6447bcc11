import IRGraph
import IROperators
import IRTensor

/// A group normalization of feature maps becomes its statistics, and a product and a sum for each channel,
/// which regions compute on the way to what reads them. Group normalizations decrease; exact up to the order
/// of roundings.
struct SplitGroupNormalization: RewriteRule {
  static let name = "split-group-normalization"
  let support: KernelSupport

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard support.hasGroupStatistics, let group = node.operator as? GroupNormalization,
      graph[node.outputs[0]].type.shape.rank == 4, graph[node.outputs[0]].type.elementType == .float32,
      !graph.users(of: node.outputs[0]).isEmpty
    else { return nil }
    var patch = GraphPatch(to: graph)
    let statistics = try patch.node(
      GroupStatistics(groupCount: group.groupCount, epsilon: group.epsilon),
      node.inputs.map { .existing($0) }, name: "\(node.name).statistics")
    let scaled = try patch.value(
      Binary(.multiply), [.existing(node.inputs[0]), statistics[0]], name: "\(node.name).scaled")
    patch.replace(
      node.outputs[0], with: try patch.value(Binary(.add), [scaled, statistics[1]], name: node.name))
    return patch
  }
}
