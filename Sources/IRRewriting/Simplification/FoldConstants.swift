import IRGraph
import IROperators
import IRTensor

/// Evaluates nodes whose inputs are all constants, where that does not grow the constants beyond a few
/// megabytes, or to more than twice their size, as weights stored in half precision do. Those stay stored so
/// (`Tensor.halves`), and are not transposed for products, which take them either way. Nodes decrease; exact
/// as the reference interpreter is.
struct FoldConstants: GraphPass {
  static let name = "fold-constants"
  private static let byteCountLimit = 4 << 20

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    var count = 0
    for id in graph.nodesInOrder where count < limit {
      let node = graph[id]
      let constants = node.inputs.compactMap { graph.constant($0) }
      guard constants.count == node.inputs.count else { continue }
      if constants.first?.halves != nil, isTransposedForProducts(id, graph) { continue }
      let inputBytes = constants.reduce(0) { $0 + $1.byteCount }
      let outputBytes = node.outputs.reduce(0) { $0 + graph[$1].type.byteCount }
      guard outputBytes <= max(Self.byteCountLimit, 2 * inputBytes) else { continue }
      var patch = GraphPatch(to: graph)
      let results = node.operator.results(constants, graph.outputTypes(of: id))
      for (output, result) in zip(node.outputs, results) {
        patch.replace(output, with: patch.constant(result, name: graph[output].name))
      }
      do { try graph.apply(patch) } catch { throw .invalidGraph(pass: Self.name, error) }
      count += 1
    }
    return PatchCount(count)
  }

  /// Whether a node swaps the last two axes for nothing but products, which absorb it.
  private func isTransposedForProducts(_ id: NodeID, _ graph: Graph) -> Bool {
    guard let transpose = graph[id].operator as? Transpose, transpose.permutation.count >= 2 else {
      return false
    }
    let rank = transpose.permutation.count
    let users = graph.users(of: graph[id].outputs[0])
    return transpose.permutation == Array(0..<(rank - 2)) + [rank - 1, rank - 2] && !users.isEmpty
      && !graph.isOutput(graph[id].outputs[0]) && users.allSatisfy { graph[$0].operator is MatrixMultiply }
  }
}
