import IRGraph
import IRTensor

/// Makes one node of nodes with equal operators and inputs. Nodes decrease; exact.
struct MergeDuplicateNodes: GraphPass {
  static let name = "merge-duplicate-nodes"

  private struct Key: Hashable {
    let `operator`: AnyHashable
    let inputs: [ValueID]
  }

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    var count = 0
    var seen: [Key: [ValueID]] = [:]
    for id in graph.nodesInOrder where count < limit && graph.contains(id) {
      let node = graph[id]
      let key = Key(operator: AnyHashable(node.operator), inputs: node.inputs)
      guard let earlier = seen[key], earlier.allSatisfy({ graph.contains($0) }) else {
        seen[key] = node.outputs
        continue
      }
      var patch = GraphPatch(to: graph)
      for (output, replacement) in zip(node.outputs, earlier) {
        patch.replace(output, with: .existing(replacement))
      }
      do { try graph.apply(patch) } catch { throw .invalidGraph(pass: Self.name, error) }
      count += 1
    }
    return PatchCount(count)
  }
}
