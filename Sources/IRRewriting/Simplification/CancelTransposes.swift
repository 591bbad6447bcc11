import IRGraph
import IROperators
import IRTensor

/// Two transpositions in a row become one; a layer normalization behind a transposition, or behind a
/// reshape of axes after its own, is done in front of it, where the next such step may meet its inverse.
/// Nodes decrease, or a movement comes closer to the outputs; exact up to the order of a sum.
struct CancelTransposes: RewriteRule {
  static let name = "cancel-transposes"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    if let second = node.operator as? Transpose { return try composed(second, node, graph) }
    guard let layer = node.operator as? LayerNormalization, graph.onlyUser(of: node.inputs[0]) == id else {
      return nil
    }
    if let (_, transpose, sources) = graph.producer(of: node.inputs[0], as: Transpose.self) {
      let axes = layer.axes.map { transpose.permutation[$0] }
      guard axes == Array(axes[0]..<(axes[0] + axes.count)) else { return nil }
      return try moved(
        transpose, behind: LayerNormalization(axes: axes, epsilon: layer.epsilon), sources[0], node, graph)
    }
    if let (_, reshape, sources) = graph.producer(of: node.inputs[0], as: Reshape.self),
      let last = layer.axes.last
    {
      let from = graph[sources[0]].type.shape
      guard from.rank > last, from.prefix(last + 1).elementsEqual(reshape.shape.prefix(last + 1)) else {
        return nil
      }
      return try moved(reshape, behind: layer, sources[0], node, graph)
    }
    return nil
  }

  private func composed(_ second: Transpose, _ node: Node, _ graph: Graph) throws(GraphError) -> GraphPatch? {
    guard let (_, first, sources) = graph.producer(of: node.inputs[0], as: Transpose.self) else { return nil }
    let both = Transpose(permutation: second.permutation.map { first.permutation[$0] })
    var patch = GraphPatch(to: graph)
    patch.replace(node.outputs[0], with: try patch.value(both, [.existing(sources[0])], name: node.name))
    return patch
  }

  private func moved(
    _ movement: any Operator, behind layer: LayerNormalization, _ source: ValueID, _ node: Node,
    _ graph: Graph
  ) throws(GraphError) -> GraphPatch? {
    var patch = GraphPatch(to: graph)
    let operands = [.existing(source)] + node.inputs.dropFirst().map { GraphPatch.Operand.existing($0) }
    let normal = try patch.value(layer, operands, name: node.name)
    patch.replace(node.outputs[0], with: try patch.value(movement, [normal], name: "\(node.name).moved"))
    return patch
  }
}
