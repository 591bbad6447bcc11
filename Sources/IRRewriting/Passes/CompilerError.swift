import IRGraph

/// Why a graph could not be compiled.
package enum CompilerError: Error, Sendable {
  /// A pass left a graph that the verifier refuses: a defect of the pass.
  case invalidGraph(pass: String, GraphError)
  /// A pass did not come to an end within its fuel: a defect of the pass.
  case doesNotTerminate(pass: String, patches: Int)
  /// No library has a kernel for a node.
  case noKernel(node: String, operator: String)
  /// A library has no kernel for a region within the limits that it states: a defect of the library or of the
  /// planner.
  case noRegionKernel(node: String)
}
