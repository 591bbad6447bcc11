import IRGraph
import IROperators
import IRTensor

/// A sum with a convolution's result, or its rectification, becomes part of the convolution, where nothing
/// else uses the result. Nodes decrease; exact up to one rounding between convolution and sum.
struct FuseConvolution: RewriteRule {
  static let name = "fuse-convolution"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    if let unary = node.operator as? Unary, unary.function == .relu {
      guard case (var fused, let inputs, let name)? = convolution(node.inputs[0], usedBy: id, in: graph)
      else { return nil }
      fused.isRectified = true
      return try patch(fused, inputs, node, name, graph)
    }
    guard let binary = node.operator as? Binary, binary.function == .add else { return nil }
    for (value, residual) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard graph[value].type == graph[residual].type,
        case (var fused, var inputs, let name)? = convolution(value, usedBy: id, in: graph),
        !fused.hasResidual,
        !fused.isRectified
      else { continue }
      fused.hasResidual = true
      inputs.append(residual)
      return try patch(fused, inputs, node, name, graph)
    }
    return nil
  }

  /// The convolution that makes the value for this node alone.
  private func convolution(
    _ value: ValueID, usedBy id: NodeID, in graph: Graph
  ) -> (FusedConvolution, [ValueID], name: String)? {
    guard graph.onlyUser(of: value) == id, graph[value].type.elementType == .float32 else { return nil }
    if let (producer, convolution, inputs) = graph.producer(of: value, as: Convolution.self) {
      let fused = FusedConvolution(
        convolution, hasBias: inputs.count > 2, hasResidual: false, isRectified: false)
      return (fused, inputs, graph[producer].name)
    }
    guard let (producer, fused, inputs) = graph.producer(of: value, as: FusedConvolution.self),
      !fused.isRectified
    else { return nil }
    return (fused, inputs, graph[producer].name)
  }

  private func patch(
    _ fused: FusedConvolution, _ inputs: [ValueID], _ node: Node, _ name: String, _ graph: Graph
  ) throws(GraphError) -> GraphPatch {
    var patch = GraphPatch(to: graph)
    patch.replace(node.outputs[0], with: try patch.value(fused, inputs.map { .existing($0) }, name: name))
    return patch
  }
}
