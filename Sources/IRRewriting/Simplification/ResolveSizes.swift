import IRGraph
import IROperators

/// Replaces operators whose numbers are expressions of sizes by those with the numbers. Relative operators
/// decrease; exact.
struct ResolveSizes: GraphPass {
  static let name = "resolve-sizes"

  func run(on graph: inout Graph, limit: Int) throws(CompilerError) -> PatchCount {
    do { return PatchCount(try graph.resolveSizes(limit: limit)) } catch {
      throw .invalidGraph(pass: Self.name, error)
    }
  }
}
