import IRGraph
import IROperators
import IRTensor

/// Merges elementwise nodes of one shape into `ElementwiseChain`s, where nothing outside the chain uses the
/// merged value. Truth values are 1 and 0 there, and never leave the chain. Nodes decrease; each kernel
/// operation rounds to float32 as before; the reference interpreter keeps float64 within a chain.
struct FuseElementwise: GraphPass {
  static let name = "fuse-elementwise"
  let support: KernelSupport

  /// A chain, the values that it reads, and the nodes that it stands for.
  private struct Link {
    var chain: ElementwiseChain
    var inputs: [ValueID]
    var nodes: Set<NodeID>

    /// The link with its input `position` computed by `other`.
    func replacing(_ position: Int, by other: Link) -> Link {
      var next = inputs
      next.remove(at: position)
      let (chain, kept) = chain.replacing(input: position, by: other.chain)
        .mergingInputs(next + other.inputs)
      return Link(chain: chain, inputs: kept, nodes: nodes.union(other.nodes))
    }
  }

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    var count = 0
    for id in graph.nodesInOrder where count < limit && graph.contains(id) {
      guard var link = link(of: id, in: graph) else { continue }
      let node = graph[id]
      let shape = graph[node.outputs[0]].type.shape
      var position = 0
      while position < link.inputs.count {
        let value = link.inputs[position]
        guard let producer = graph.producer(of: value), graph[value].type.shape == shape,
          !graph.isOutput(value), link.nodes.isSuperset(of: graph.users(of: value)),
          let inner = self.link(of: producer, in: graph)
        else { position += 1; continue }
        let merged = link.replacing(position, by: inner)
        guard support.supports(merged.chain) else {
          position += 1
          continue
        }
        link = merged
        position = 0
      }
      guard link.nodes.count > 1 else { continue }
      do {
        var patch = GraphPatch(to: graph)
        let fused = try patch.value(link.chain, link.inputs.map { .existing($0) }, name: node.name)
        patch.replace(node.outputs[0], with: fused)
        try graph.apply(patch)
      } catch { throw .invalidGraph(pass: Self.name, error) }
      count += 1
    }
    return PatchCount(count)
  }

  /// The chain of a node of numbers, and of the nodes that make the truth values which it reads; nil if they
  /// are not made of numbers of its shape. Others may read the same truth values, which are then made again.
  private func link(of id: NodeID, in graph: Graph) -> Link? {
    let node = graph[id]
    guard graph[node.outputs[0]].type.elementType == .float32 else { return nil }
    if node.inputs.allSatisfy({ graph[$0].type.elementType == .float32 }) {
      return ElementwiseChain(node.operator).flatMap {
        support.supports($0) ? Link(chain: $0, inputs: node.inputs, nodes: [id]) : nil
      }
    }
    return truths(of: id, in: graph)
  }

  /// As `link`, for a node that reads or makes truth values.
  private func truths(of id: NodeID, in graph: Graph) -> Link? {
    let node = graph[id]
    guard let own = ElementwiseChain(ofTruths: node.operator) else { return nil }
    var link = Link(chain: own, inputs: node.inputs, nodes: [id])
    let shape = graph[node.outputs[0]].type.shape
    while let position = link.inputs.firstIndex(where: { graph[$0].type.elementType != .float32 }) {
      let value = link.inputs[position]
      guard graph[value].type.elementType == .bool, graph[value].type.shape == shape,
        let producer = graph.producer(of: value), let inner = truths(of: producer, in: graph)
      else { return nil }
      link = link.replacing(position, by: inner)
    }
    return support.supports(link.chain) ? link : nil
  }
}
