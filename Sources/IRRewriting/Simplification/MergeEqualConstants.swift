import IRGraph
import IRTensor

/// Makes one constant of constants with equal types and bytes, such as the masks of a network's blocks, so
/// that what is computed of them is computed once. Exact.
struct MergeEqualConstants: GraphPass {
  static let name = "merge-equal-constants"

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    var count = 0
    var known: [Tensor: ValueID] = [:]
    for id in graph.nodesInOrder where graph.contains(id) {
      for value in graph[id].inputs where count < limit {
        // A node may read a constant twice, which is then gone.
        guard graph.contains(value), let tensor = graph.constant(value) else { continue }
        guard let first = known[tensor] else {
          known[tensor] = value
          continue
        }
        guard first != value else { continue }
        var patch = GraphPatch(to: graph)
        patch.replace(value, with: .existing(first))
        do { try graph.apply(patch) } catch { throw .invalidGraph(pass: Self.name, error) }
        count += 1
      }
    }
    return PatchCount(count)
  }
}
