import IRGraph

/// A change to the whole graph. Running a pass again right after itself changes nothing.
public protocol GraphPass: Sendable {
  static var name: String { get }

  /// - Returns: how many changes were made, at most `limit`.
  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> Int
}

/// A local rewrite: looks at one node and proposes a patch, or nil. Every rule states what strictly
/// decreases and whether results stay the same to the bit.
public protocol RewriteRule: Sendable {
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

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> Int {
    let fuel = min(limit, (graph.nodeCount + 16) * fuelPerNode)
    var applied = 0
    var isChanging = true
    while isChanging {
      isChanging = false
      for node in graph.nodesInOrder where graph.contains(node) {
        for rule in rules where graph.contains(node) {
          do {
            guard let patch = try rule.patch(for: node, in: graph) else { continue }
            guard applied < fuel else {
              if applied >= limit { return applied }
              throw CompilerError.doesNotTerminate(pass: type(of: rule).name, patches: applied)
            }
            try graph.apply(patch)
          } catch let error as GraphError {
            throw .invalidGraph(pass: type(of: rule).name, error)
          } catch let error as CompilerError {
            throw error
          } catch { preconditionFailure("rules throw GraphError") }
          applied += 1
          isChanging = true
        }
      }
      do { try graph.verify() } catch {
        throw .invalidGraph(pass: rules.map { type(of: $0).name }.joined(separator: ", "), error)
      }
    }
    return applied
  }
}
