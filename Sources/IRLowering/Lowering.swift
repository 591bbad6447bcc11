import IRGraph
import IRRewriting

/// From a graph that went through all passes to a program. The steps are this module's folders:
///
/// 1. `Aliases`: which values are other values' bytes, so that no step computes them.
/// 2. `Regions`: which nodes are computed together, row by row, and how.
/// 3. `Recomputation`: which feature maps are computed where they are read, rather than kept.
/// 4. `Storage`: which are kept as float16.
/// 5. `Scheduling`: the kernels of nodes and regions, in order.
/// 6. `Placement`: where every value lies in the arena.
///
/// Steps 3 and 4 change the graph; aliases, schedule and places are then those of the changed graph.
struct Lowering {
  let graph: Graph
  let kernels: any KernelLibrary
  let threadCount: Int
  let joined: JoinedValues
  let machine: MachineModel
  let support: KernelSupport

  init(
    graph: Graph, kernels: any KernelLibrary, threadCount: Int, machine: MachineModel? = nil
  ) {
    self.graph = graph
    self.kernels = kernels
    self.threadCount = threadCount
    self.machine = machine ?? kernels.machine
    support = kernels.support
    joined = JoinedValues(in: graph, support)
  }

  /// The graph's regions as the cost model finds them best.
  func regions() -> [Region] {
    FormRegions(graph, support, machine: machine, excluding: joined.nodes)?.regions() ?? []
  }

  /// The program that computes the regions and all other nodes.
  func program(of regions: [Region], report: CompilationReport) throws(CompilerError) -> Program {
    placed(endingEarly(try work(of: regions)), report)
  }
}

/// The threads and the memory that a program is planned for.
package struct LoweringOptions: Sendable {
  /// The most threads that it will run on.
  package var threadCount: Int
  /// The bytes that it may take; nil: no limit.
  package var memoryByteCount: Int?
  /// Whether feature maps may be kept as float16 to stay within them.
  package var allowsFloat16Storage: Bool

  package init(threadCount: Int, memoryByteCount: Int?, allowsFloat16Storage: Bool) {
    self.threadCount = threadCount
    self.memoryByteCount = memoryByteCount
    self.allowsFloat16Storage = allowsFloat16Storage
  }
}

extension KernelLibrary {
  /// The program of a graph that went through all passes, and maybe through more.
  ///
  /// Feature maps are computed where they are read when the cost model finds that faster. Where the program
  /// would exceed `memoryByteCount`, so are others, the largest first, until it does not or nothing is left
  /// to try; then feature maps are kept as float16, where the options allow it. The program is then the
  /// smallest that was found.
  /// - Throws: `CompilerError` if a node has no kernel.
  package func program(
    of graph: Graph, _ report: CompilationReport, _ options: LoweringOptions
  ) throws(CompilerError) -> Program {
    let fitting = library(forConstants: graph.values.compactMap { graph.constant($0) })
    return try fitting.ownProgram(of: graph, report, options)
  }

  private func ownProgram(
    of graph: Graph, _ report: CompilationReport, _ options: LoweringOptions
  ) throws(CompilerError) -> Program {
    var graph = graph
    graph.separateBlockReaders()
    let lowering = Lowering(graph: graph, kernels: self, threadCount: options.threadCount)
    var recomputation = Recomputation(
      graph, lowering.regions(), lowering.support, machine: lowering.machine)
    for crossing in recomputation.crossings { _ = recomputation.recompute(crossing, ifFaster: true) }
    var best = try program(of: recomputation, nil, report, options)
    guard let limit = options.memoryByteCount, best.byteCount > limit else { return best }
    /// Keeps the smaller one, and says whether it is small enough.
    func suffices(_ program: Program) -> Bool {
      if program.byteCount < best.byteCount { best = program }
      return best.byteCount <= limit
    }
    let crossings = recomputation.crossings
    for byteCount in Set(crossings.map(\.byteCount)).sorted(by: >) {
      let moved = crossings.filter { $0.byteCount == byteCount && recomputation.recompute($0) }
      if !moved.isEmpty, suffices(try program(of: recomputation, nil, report, options)) { return best }
    }
    guard options.allowsFloat16Storage else { return best }
    var storage = Float16Storage(recomputation.graph, recomputation.regions, lowering.support)
    for group in storage.groups {
      let stored = group.filter { storage.store($0) }
      if !stored.isEmpty, suffices(try program(of: recomputation, storage, report, options)) { return best }
    }
    return best
  }

  private func program(
    of recomputation: Recomputation, _ storage: Float16Storage?, _ report: CompilationReport,
    _ options: LoweringOptions
  ) throws(CompilerError) -> Program {
    let (graph, regions) = (storage?.graph ?? recomputation.graph, storage?.regions ?? recomputation.regions)
    do { try graph.verify() } catch {
      throw .invalidGraph(pass: storage == nil ? "recomputation" : "float16 storage", error)
    }
    var program = try Lowering(graph: graph, kernels: self, threadCount: options.threadCount)
      .program(of: regions, report: report)
    program.recomputedValues = recomputation.names
    program.float16Values = storage?.names ?? []
    return program
  }

  /// Whether regions could compute a node row by row.
  package func computesByRows(_ id: NodeID, of graph: Graph) -> Bool {
    graph.regionOperation(of: id, support) != nil
  }
}
