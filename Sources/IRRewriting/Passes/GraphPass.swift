import IRGraph

/// A change to the whole graph. Running a pass again right after itself changes nothing.
package protocol GraphPass: Sendable {
  static var name: String { get }

  /// - Returns: the changes that were made, at most `limit`.
  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount
}

/// A local rewrite: looks at one node and proposes a patch, or nil. Every rule states what strictly
/// decreases and whether results stay the same to the bit.
package protocol RewriteRule: Sendable {
  static var name: String { get }
  func patch(for node: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch?
}

/// Applies rules until none proposes anything.
struct RewriteDriver: GraphPass {
  static let name = "rewrite"
  let rules: [any RewriteRule]
  /// More patches than any graph needs: a rule that undoes another ends here.
  private let fuelPerNode = 64

  init(_ rules: [any RewriteRule]) { self.rules = rules }

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    let fuel = min(limit, (graph.nodeCount + 16) * fuelPerNode)
    var applied = [Int](repeating: 0, count: rules.count)
    var (total, last): (Int, (String, String)?) = (0, nil)
    var isChanging = true
    while isChanging {
      isChanging = false
      for node in graph.nodesInOrder where graph.contains(node) {
        for (index, rule) in rules.enumerated() where graph.contains(node) {
          do {
            guard let patch = try rule.patch(for: node, in: graph) else { continue }
            guard total < fuel else {
              if total >= limit { return counts(applied, last) }
              throw CompilerError.doesNotTerminate(pass: type(of: rule).name, patches: total)
            }
            last = (type(of: rule).name, graph[node].name)
            try graph.apply(patch)
          } catch let error as GraphError {
            throw .invalidGraph(pass: type(of: rule).name, error)
          } catch let error as CompilerError {
            throw error
          } catch { preconditionFailure("rules throw GraphError") }
          (applied[index], total) = (applied[index] + 1, total + 1)
          isChanging = true
        }
      }
      guard isChanging else { break }
      do { try graph.verify() } catch {
        throw .invalidGraph(pass: rules.map { type(of: $0).name }.joined(separator: ", "), error)
      }
    }
    return counts(applied, last)
  }

  private func counts(_ applied: [Int], _ last: (String, String)?) -> PatchCount {
    var count = PatchCount(applied.reduce(0, +))
    count.rules = zip(rules, applied).filter { $1 > 0 }
      .map { PatchCount.Rule(name: type(of: $0).name, patches: $1) }
    count.last = last.map { (rule: $0.0, node: $0.1) }
    return count
  }
}
