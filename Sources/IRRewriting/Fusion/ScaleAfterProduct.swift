import IRGraph
import IROperators
import IRTensor

/// The product of normalised rows, q/‖q‖ · (k/‖k‖)ᵀ as transposed attention has it, becomes q · kᵀ divided by
/// the norms: the wide values are read once and not written again. Elements written decrease; reassociates,
/// each product by one rounding more.
struct ScaleAfterProduct: RewriteRule {
  static let name = "scale-after-product"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let product = node.operator as? MatrixMultiply, !product.transposesA, product.transposesB,
      let q = normalized(node.inputs[0], usedBy: id, graph),
      let k = normalized(node.inputs[1], usedBy: id, graph)
    else { return nil }
    let (from, to) = (graph[node.inputs[0]].type, graph[node.outputs[0]].type)
    // Worth it where the lines are longer than the product's.
    guard from.elementType == .float32, from.shape.elementCount > 4 * to.shape.elementCount else {
      return nil
    }
    var patch = GraphPatch(to: graph)
    func norm(_ line: (x: ValueID, operation: L2Normalization), _ name: String) throws(GraphError)
      -> GraphPatch.Operand
    {
      let length = try patch.value(
        Reduce(.l2, axes: [line.operation.axis]), [.existing(line.x)], name: "\(name).norm")
      let least = Tensor(TensorType(.float32, .scalar), doubles: [Double(line.operation.epsilon)])
      return try patch.value(
        Binary(.maximum), [length, patch.constant(least, name: "\(name).epsilon")], name: "\(name).length")
    }
    let rows = try norm(q, "\(node.name).q")
    let columns = try norm(k, "\(node.name).k")
    let rank = from.shape.rank
    let swapped = Array(0..<(rank - 2)) + [rank - 1, rank - 2]
    let across = try patch.value(Transpose(permutation: swapped), [columns], name: "\(node.name).k.across")
    let raw = try patch.value(product, [.existing(q.x), .existing(k.x)], name: node.name)
    let scaled = try patch.value(Binary(.divide), [raw, rows], name: "\(node.name).by-q")
    patch.replace(
      node.outputs[0], with: try patch.value(Binary(.divide), [scaled, across], name: "\(node.name).by-k"))
    return patch
  }

  /// x where the value is x normalised along its last axis, for this node alone.
  private func normalized(
    _ value: ValueID, usedBy id: NodeID, _ graph: Graph
  ) -> (x: ValueID, operation: L2Normalization)? {
    guard let (_, operation, inputs) = graph.producer(of: value, as: L2Normalization.self),
      graph.onlyUser(of: value) == id,
      operation.axis == graph[value].type.shape.rank - 1
    else { return nil }
    return (inputs[0], operation)
  }
}
