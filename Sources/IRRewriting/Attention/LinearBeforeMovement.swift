import IRGraph
import IROperators
import IRTensor

/// A product of each token's channels with a constant matrix, and the constant added to it, are done in front
/// of a movement of whole tokens: where the product does not widen the tokens, so that the movement may meet
/// its inverse, or where attention reads the result, which moves tokens itself. Movements come closer to the
/// outputs; exact.
struct LinearBeforeMovement: RewriteRule {
  static let name = "linear-before-movement"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    if let product = node.operator as? MatrixMultiply, !product.transposesA,
      let weight = graph.constant(node.inputs[1]), weight.shape.rank == 2
    {
      let (from, to) = (graph[node.inputs[0]].type.shape, graph[node.outputs[0]].type.shape)
      let isNarrow = to[to.rank - 1] <= from[from.rank - 1] && graph.onlyUser(of: node.inputs[0]) == id
      guard isNarrow || isRead(node.outputs[0], graph) else { return nil }
      return try moved(node, operand: 0, graph)
    }
    guard let binary = node.operator as? Binary, binary.function == .add else { return nil }
    for operand in 0..<2 {
      guard let other = graph.constant(node.inputs[1 - operand]),
        let channels = graph[node.outputs[0]].type.shape.last, other.shape.last == channels,
        other.elementCount == channels, graph.onlyUser(of: node.inputs[operand]) == id,
        let movement = graph.producer(of: node.inputs[operand]), graph[movement].inputs.count == 1,
        let (_, product, inputs) = graph.producer(of: graph[movement].inputs[0], as: MatrixMultiply.self),
        !product.transposesA, graph.constant(inputs[1])?.shape.rank == 2
      else { continue }
      return try moved(node, operand: operand, graph)
    }
    return nil
  }

  /// Whether nothing but attention of tokens reads the value, also through sums with constants and movements.
  private func isRead(_ value: ValueID, _ graph: Graph) -> Bool {
    let users = graph.users(of: value)
    return !users.isEmpty && !graph.isOutput(value)
      && users.allSatisfy { user in
        let node = graph[user]
        if let attention = node.operator as? Attention {
          return attention.window.isEmpty && !node.inputs.dropFirst(3).contains(value)
        }
        switch node.operator {
        case is Reshape, is Transpose, is Roll: break
        case let binary as Binary where binary.function == .add:
          guard node.inputs.contains(where: { graph.constant($0) != nil }) else { return false }
        default: return false
        }
        return isRead(node.outputs[0], graph)
      }
  }

  /// The node in front of what moves the tokens of its operand, where that is such a movement.
  private func moved(_ node: Node, operand: Int, _ graph: Graph) throws(GraphError) -> GraphPatch? {
    guard let id = graph.producer(of: node.inputs[operand]) else { return nil }
    let movement = graph[id]
    let (from, to) = (graph[movement.inputs[0]].type.shape, graph[node.inputs[operand]].type.shape)
    let result = graph[node.outputs[0]].type.shape
    guard from.rank >= 2, to.rank >= 2, result.dropLast().elementsEqual(to.dropLast()),
      let channels = result.last
    else { return nil }
    let last = to.rank - 1
    let after: any Operator
    switch movement.operator {
    case is Reshape:
      guard from.last == to.last else { return nil }
      after = Reshape(shape: result)
    case let transpose as Transpose:
      guard transpose.permutation[last] == last else { return nil }
      after = transpose
    case let roll as Roll:
      guard roll.offsets[last] == 0 else { return nil }
      after = roll
    default: return nil
    }
    var inputs = node.inputs.map { GraphPatch.Operand.existing($0) }
    inputs[operand] = .existing(movement.inputs[0])
    var patch = GraphPatch(to: graph)
    if let constant = graph.constant(node.inputs[1 - operand]), node.operator is Binary {
      inputs[1 - operand] = patch.constant(
        constant.reshaped(to: [channels]), name: graph[node.inputs[1 - operand]].name)
    }
    let first = try patch.value(node.operator, inputs, name: node.name)
    patch.replace(node.outputs[0], with: try patch.value(after, [first], name: "\(node.name).moved"))
    return patch
  }
}
