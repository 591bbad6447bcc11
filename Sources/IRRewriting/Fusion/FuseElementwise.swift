import IRGraph
import IROperators
import IRTensor

/// Merges elementwise nodes of one shape into `ElementwiseChain`s, where nothing outside the chain uses the
/// merged value. Nodes decrease; each kernel operation rounds to float32 as before; the reference interpreter
/// keeps float64 within a chain.
struct FuseElementwise: GraphPass {
  static let name = "fuse-elementwise"
  let support: KernelSupport

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    var count = 0
    for id in graph.nodesInOrder where count < limit && graph.contains(id) {
      guard var chain = chain(of: id, in: graph) else { continue }
      let node = graph[id]
      let shape = graph[node.outputs[0]].type.shape
      var inputs = node.inputs
      var absorbed: Set<NodeID> = [id]
      var position = 0
      while position < inputs.count {
        let value = inputs[position]
        guard let producer = graph.producer(of: value), let inner = self.chain(of: producer, in: graph),
          graph[value].type.shape == shape, !graph.isOutput(value),
          absorbed.isSuperset(of: graph.users(of: value))
        else { position += 1; continue }
        var nextInputs = inputs
        nextInputs.remove(at: position)
        let (merged, kept) = chain.replacing(input: position, by: inner)
          .mergingInputs(nextInputs + graph[producer].inputs)
        guard support.supports(merged) else {
          position += 1
          continue
        }
        (chain, inputs) = (merged, kept)
        absorbed.insert(producer)
        position = 0
      }
      guard absorbed.count > 1 else { continue }
      do {
        var patch = GraphPatch(to: graph)
        let fused = try patch.value(chain, inputs.map { .existing($0) }, name: node.name)
        patch.replace(node.outputs[0], with: fused)
        try graph.apply(patch)
      } catch { throw .invalidGraph(pass: Self.name, error) }
      count += 1
    }
    return PatchCount(count)
  }

  private func chain(of id: NodeID, in graph: Graph) -> ElementwiseChain? {
    let node = graph[id]
    guard graph[node.outputs[0]].type.elementType == .float32,
      node.inputs.allSatisfy({ graph[$0].type.elementType == .float32 })
    else { return nil }
    return ElementwiseChain(node.operator).flatMap { support.supports($0) ? $0 : nil }
  }
}
