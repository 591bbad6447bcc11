import IRGraph
import IRTensor

/// Turns a graph into a program: rewrites it (`Rewriter`), then chooses kernels, orders the steps and plans
/// the memory.
package struct Compiler: Sendable {
  package var options: CompilerOptions
  private let kernels: any KernelLibrary

  /// A compiler that takes kernels from `kernels`, which must have one for every operator.
  package init(options: CompilerOptions = CompilerOptions(), kernels: any KernelLibrary) {
    self.options = options
    self.kernels = kernels
  }

  /// - Throws: `CompilerError`.
  package func compile(_ graph: Graph) throws(CompilerError) -> Program {
    let (graph, report) = try simplified(graph)
    return try lowered(graph, report)
  }

  /// The graph after all passes, and what they did.
  /// - Throws: `CompilerError` if a pass is at fault.
  package func simplified(_ graph: Graph) throws(CompilerError) -> (Graph, CompilationReport) {
    let kernels = kernels
    return try Rewriter(support: kernels.support, patchLimit: options.patchLimit) {
      kernels.computesByRows($0, of: $1)
    }
    .simplified(graph)
  }

  /// The program of a graph that went through all passes, and maybe through more.
  /// - Throws: `CompilerError` if a node has no kernel.
  package func lowered(_ graph: Graph, _ report: CompilationReport) throws(CompilerError) -> Program {
    try kernels.program(
      of: graph, report,
      LoweringOptions(
        threadCount: options.threadCount, memoryByteCount: options.memoryByteCount,
        allowsFloat16Storage: options.allowsFloat16Storage))
  }
}
