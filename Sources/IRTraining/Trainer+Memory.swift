import IRAutodiff
import IRCompiler
import IRGraph

extension Trainer {
  /// The program of one image from the graph after all passes, and how many of its nodes compute an
  /// activation again: none, unless its plan would exceed the memory that the options allow.
  /// - Throws: `CompilerError`.
  static func program(
    for graph: Graph, _ report: CompilationReport, _ compiler: Compiler, memoryLimit: Int
  ) throws(CompilerError) -> (program: Program, recomputedCount: Int) {
    var best = try compiler.lowered(graph, report)
    var recomputedCount = 0
    // Inputs and results lie beside what is planned.
    let limit = memoryLimit - best.portByteCount
    var target = limit
    // Workspaces and gaps come on top of the values: the aim is lowered until the whole plan fits.
    for _ in 0..<attemptLimit where best.memoryPlan.peakByteCount > limit && target > 0 {
      let found = graph.rematerialized(under: target)
      let program = try compiler.lowered(found.graph, report)
      let peak = program.memoryPlan.peakByteCount
      if peak < best.memoryPlan.peakByteCount { (best, recomputedCount) = (program, found.nodeCount) }
      guard found.peakByteCount <= target else { break }
      target = Int(Double(target) * min(Double(limit) / Double(peak), 1) * 0.97)
    }
    return (best, recomputedCount)
  }

  private static var attemptLimit: Int { 8 }
}
