import IRGraph
import IROperators
import IRTensor

/// Sums with the result of a product with a constant matrix, of a number for each column or of a value of its
/// type, and a function of it become part of the product, where nothing else uses the result. Nodes decrease;
/// exact up to one rounding between product and sum.
struct FuseMatrixMultiply: RewriteRule {
  static let name = "fuse-matrix-multiply"
  let support: KernelSupport

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    if let activation = ElementwiseChain.Function(ofOneNumber: node.operator) {
      guard support.supports(activation),
        case (var fused, let inputs, let name)? =
          product(node.inputs[0], usedBy: id, in: graph)
      else { return nil }
      fused.activation = activation
      var patch = GraphPatch(to: graph)
      return try replacing(node, by: fused, inputs.map { .existing($0) }, name, &patch)
    }
    guard let binary = node.operator as? Binary, binary.function == .add else { return nil }
    for (value, addend) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard graph[value].type == graph[node.outputs[0]].type,
        case (var fused, let inputs, let name)? = product(value, usedBy: id, in: graph), !fused.hasResidual
      else { continue }
      var patch = GraphPatch(to: graph)
      var operands = inputs.map { GraphPatch.Operand.existing($0) }
      let shape = graph[value].type.shape
      if let bias = graph.constant(addend), let columns = shape.last, bias.shape.rank <= shape.rank,
        bias.elementCount == columns, bias.shape.last == columns, !fused.hasBias
      {
        fused.hasBias = true
        operands.append(patch.constant(bias.reshaped(to: [columns]), name: graph[addend].name))
      } else if graph[addend].type == graph[value].type {
        fused.hasResidual = true
        operands.append(.existing(addend))
      } else {
        continue
      }
      return try replacing(node, by: fused, operands, name, &patch)
    }
    return nil
  }

  /// The product with a constant matrix, without a function, that makes the value for this node alone.
  private func product(
    _ value: ValueID, usedBy id: NodeID, in graph: Graph
  ) -> (FusedMatrixMultiply, [ValueID], name: String)? {
    guard graph.onlyUser(of: value) == id, graph[value].type.elementType == .float32 else { return nil }
    if let (producer, fused, inputs) = graph.producer(of: value, as: FusedMatrixMultiply.self) {
      return fused.activation == nil ? (fused, inputs, graph[producer].name) : nil
    }
    guard let (producer, product, inputs) = graph.producer(of: value, as: MatrixMultiply.self),
      let matrix = graph.constant(inputs[1]), matrix.shape.rank == 2, matrix.elementCount > 0
    else { return nil }
    return (FusedMatrixMultiply(product), inputs, graph[producer].name)
  }

  private func replacing(
    _ node: Node, by fused: FusedMatrixMultiply, _ operands: [GraphPatch.Operand], _ name: String,
    _ patch: inout GraphPatch
  ) throws(GraphError) -> GraphPatch {
    patch.replace(node.outputs[0], with: try patch.value(fused, operands, name: name))
    return patch
  }
}
