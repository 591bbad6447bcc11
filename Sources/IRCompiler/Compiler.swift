import IRGraph
import IRTensor

/// Turns a graph into a program: rewrites it, chooses kernels, orders the steps and plans the memory.
public struct Compiler: Sendable {
  public var options: CompilerOptions
  private let kernels: any KernelLibrary

  /// A compiler that takes kernels from `kernels`, which must have one for every operator.
  public init(options: CompilerOptions = CompilerOptions(), kernels: any KernelLibrary) {
    self.options = options
    self.kernels = kernels
  }

  /// The passes over the graph, in this order:
  /// what no one needs goes first, so that nothing is done to it; sizes become numbers before anything looks
  /// at them; constants are folded before nodes are
  /// compared, so that equal constants' users meet, which recognition relies on: exporters compute a mean
  /// twice. Recognition comes before anything is fused, since it looks for what fusion would hide; convolutions
  /// take what follows them before elementwise chains do, since they then cost no pass over memory. Rewrites
  /// may leave constants and duplicates again, hence the second round. Attention is recognised after all movements
  /// have met, and tokens of pictures become channels of pictures, which regions compute; windows
  /// side by side and sums with shuffled pictures become work on blocks of pixels.
  package static func passes(for support: KernelSupport) -> [any GraphPass] {
    recognition + [
      RewriteDriver([
        RecognizeRoll(support: support), RecognizeAttention(support: support), LinearBeforeMovement(),
        AttendInWindows(), ChannelsFirst(), AbsorbTranspose(), CancelTransposes(), RemoveNoOperations(),
        ConvolveBlocks(support: support), SpreadBlocks(support: support), AddBeforeDepthToSpace(),
      ]),
      MergeDuplicateNodes(),
      RewriteDriver([
        ScaleAfterProduct(), FoldAttentionIntoProjection(),
        FoldGainIntoConvolution(), FuseChannelGram(),
        FuseConvolution(support: support),
      ]),
      FuseElementwise(support: support),
    ]
  }

  /// The passes that leave operators with a meaning of their own, of which gradients can be taken.
  static let recognition: [any GraphPass] = [
    RemoveDeadNodes(),
    ResolveSizes(),
    FoldConstants(),
    MergeDuplicateNodes(),
    RewriteDriver([
      RemoveNoOperations(), RemoveExpand(), RecognizeLayerNormalization(), AbsorbScaleAndBias(),
      RecognizeGELU(),
      RecognizeL2Normalization(), RecognizePixelShuffle(), AbsorbTranspose(), CancelTransposes(),
      FoldBatchNormalization(),
    ]),
    FoldConstants(),
    MergeDuplicateNodes(),
  ]

  /// The graph as gradients are taken of it: simplified and recognised, nothing fused. Normalised rows are
  /// scaled after their product, since the way back is then as short as the way there.
  /// - Throws: `CompilerError` where a pass is at fault.
  public func recognized(_ graph: Graph) throws(CompilerError) -> Graph {
    try run(Self.recognition + [RewriteDriver([ScaleAfterProduct()])], on: graph).0
  }

  /// The graph after all passes, and what they did.
  /// - Throws: `CompilerError` where a pass is at fault.
  public func simplified(_ graph: Graph) throws(CompilerError) -> (Graph, CompilationReport) {
    try run(Self.passes(for: kernels.support), on: graph)
  }

  private func run(
    _ passes: [any GraphPass], on graph: Graph
  ) throws(CompilerError) -> (Graph, CompilationReport) {
    var graph = graph
    var report = CompilationReport()
    let clock = ContinuousClock()
    for pass in passes {
      let nodesBefore = graph.nodeCount
      let start = clock.now
      let remaining = options.patchLimit.map { max(0, $0 - report.patchCount) } ?? .max
      let patches = try pass.run(on: &graph, limit: remaining)
      do { try graph.verify() } catch { throw .invalidGraph(pass: type(of: pass).name, error) }
      report.entries.append(
        CompilationReport.Entry(
          pass: type(of: pass).name, patches: patches, nodesBefore: nodesBefore, nodesAfter: graph.nodeCount,
          seconds: start.duration(to: clock.now).inSeconds))
    }
    return (graph, report)
  }

  /// The graph as files should hold it: what no output needs is gone, constants are computed, duplicates are one.
  /// Operators stay what they are, so that a graph that holds for every size still does.
  /// - Throws: `CompilerError` where a pass is at fault.
  public func reduced(_ graph: Graph) throws(CompilerError) -> Graph {
    var graph = graph
    for pass in [RemoveDeadNodes(), FoldConstants(), MergeDuplicateNodes()] as [any GraphPass] {
      _ = try pass.run(on: &graph, limit: .max)
      do { try graph.verify() } catch { throw .invalidGraph(pass: type(of: pass).name, error) }
    }
    graph.removeDeadNodes()
    return graph
  }

  /// - Throws: `CompilerError`.
  public func compile(_ graph: Graph) throws(CompilerError) -> Program {
    let (graph, report) = try simplified(graph)
    return try lowered(graph, report)
  }

  /// The program of a graph that went through all passes, and maybe through more.
  ///
  /// Pictures are computed where they are read when the cost model finds that faster. Where the program would exceed
  /// `options.memoryByteCount`, so are others, the largest first, until it does not or nothing is left to try; then pictures
  /// are kept as float16, where the options allow it. The program is then the smallest that was found.
  /// - Throws: `CompilerError` where a node has no kernel.
  public func lowered(_ graph: Graph, _ report: CompilationReport) throws(CompilerError) -> Program {
    var graph = graph
    graph.readBlocksApart()
    let lowering = Lowering(graph: graph, kernels: kernels, threadCount: options.threadCount)
    var recomputation = Recomputation(
      graph, lowering.regions(), lowering.support, machine: lowering.machine)
    for crossing in recomputation.crossings { _ = recomputation.recompute(crossing, ifFaster: true) }
    var best = try program(of: recomputation, nil, report)
    guard let limit = options.memoryByteCount, best.byteCount > limit else { return best }
    /// Keeps the smaller one, and says whether it is small enough.
    func suffices(_ program: Program) -> Bool {
      if program.byteCount < best.byteCount { best = program }
      return best.byteCount <= limit
    }
    let crossings = recomputation.crossings
    for byteCount in Set(crossings.map(\.byteCount)).sorted(by: >) {
      let moved = crossings.filter { $0.byteCount == byteCount && recomputation.recompute($0) }
      if !moved.isEmpty, suffices(try program(of: recomputation, nil, report)) { return best }
    }
    guard options.allowsFloat16Storage else { return best }
    var storage = Float16Storage(recomputation.graph, recomputation.regions, lowering.support)
    for pictures in storage.groups {
      let stored = pictures.filter { storage.store($0) }
      if !stored.isEmpty, suffices(try program(of: recomputation, storage, report)) { return best }
    }
    return best
  }

  private func program(
    of recomputation: Recomputation, _ storage: Float16Storage?, _ report: CompilationReport
  ) throws(CompilerError) -> Program {
    let (graph, regions) = (storage?.graph ?? recomputation.graph, storage?.regions ?? recomputation.regions)
    do { try graph.verify() } catch {
      throw .invalidGraph(pass: storage == nil ? "recomputation" : "float16 storage", error)
    }
    var program = try Lowering(graph: graph, kernels: kernels, threadCount: options.threadCount)
      .program(of: regions, report: report)
    program.recomputedValues = recomputation.names
    program.float16Values = storage?.names ?? []
    return program
  }
}
