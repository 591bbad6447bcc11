import IRGraph
import IRTensor

/// Runs passes over graphs, the verifier after each that changes something.
package struct Rewriter: Sendable {
  private let support: KernelSupport
  private let isComputedByRows: @Sendable (NodeID, Graph) -> Bool
  /// Stops after this many patches; nil goes on to the end.
  package var patchLimit: Int?

  /// A rewriter for kernels of this support, none unless they are given. `isComputedByRows` says whether a
  /// node would be computed row by row beside others, so that what it copies stays in a cache.
  package init(
    support: KernelSupport = KernelSupport(), patchLimit: Int? = nil,
    isComputedByRows: @escaping @Sendable (NodeID, Graph) -> Bool = { _, _ in false }
  ) {
    self.support = support
    self.patchLimit = patchLimit
    self.isComputedByRows = isComputedByRows
  }

  /// All passes, in order, each with the reason for its place.
  static func passes(
    for support: KernelSupport, isComputedByRows: @escaping @Sendable (NodeID, Graph) -> Bool
  ) -> [any GraphPass] {
    recognition + [
      // After recognition, which these would hide forms from. Attention comes when all movements have met;
      // tokens of feature maps then become channels, which regions compute, and windows side by side and sums
      // with shuffled feature maps become work on blocks of pixels.
      RewriteDriver([
        TrimWindows(), RecognizeRoll(isComputedByRows: isComputedByRows),
        RecognizeAttention(support: support),
        LinearBeforeMovement(), AttendInWindows(), ChannelsFirst(), AbsorbTranspose(), CancelTransposes(),
        RemoveNoOperations(), ConvolveBlocks(support: support), SpreadBlocks(support: support),
        AddBeforeDepthToSpace(),
      ]),
      // Movements that met leave equal nodes.
      MergeEqualConstants(),
      MergeDuplicateNodes(),
      // Convolutions take what follows them before elementwise chains do: it then costs no pass over memory.
      RewriteDriver([
        ScaleAfterProduct(), FoldAttentionIntoProjection(), FoldGainIntoConvolution(), FuseChannelGram(),
        RecognizeSwish(), FuseConvolution(support: support), FuseMatrixMultiply(support: support),
        SplitGroupNormalization(support: support), AddToGradient(),
      ]),
      MergeEqualConstants(),
      // Last, as no rule looks into a chain.
      FuseElementwise(support: support),
    ]
  }

  /// The passes that leave operators with a meaning of their own, of which gradients can be taken.
  static let recognition: [any GraphPass] = [
    // First, so that later passes do not work on dead nodes.
    RemoveDeadNodes(),
    // Before anything looks at sizes.
    ResolveSizes(),
    // Before nodes are compared: equal constants' users then meet, which recognition relies on, since
    // exporters compute a mean twice.
    FoldConstants(),
    MergeEqualConstants(),
    MergeDuplicateNodes(),
    // Before anything is fused: recognition looks for what fusion would hide.
    RewriteDriver([
      RemoveNoOperations(), RemoveExpand(), RecognizeLayerNormalization(), AbsorbScaleAndBias(),
      RecognizeGELU(), RecognizeL2Normalization(), RecognizePixelShuffle(), AbsorbTranspose(),
      CancelTransposes(), FoldBatchNormalization(),
    ]),
    // Rules leave constants and duplicates again.
    FoldConstants(),
    MergeEqualConstants(),
    MergeDuplicateNodes(),
  ]

  /// The graph as gradients are taken of it: simplified and recognised, nothing fused. Normalised rows are
  /// scaled after their product, since the backward pass is then as short as the forward pass.
  /// - Throws: `CompilerError` if a pass is at fault.
  package func recognized(_ graph: Graph) throws(CompilerError) -> Graph {
    try run(Self.recognition + [RewriteDriver([ScaleAfterProduct()])], on: graph).0
  }

  /// The graph after all passes, and what they did.
  /// - Throws: `CompilerError` if a pass is at fault.
  package func simplified(_ graph: Graph) throws(CompilerError) -> (Graph, CompilationReport) {
    try run(Self.passes(for: support, isComputedByRows: isComputedByRows), on: graph)
  }

  /// The graph as files should hold it: what no output needs is gone, constants are computed, duplicates are
  /// one. Operators stay what they are, so that a graph that holds for every size still does.
  /// - Throws: `CompilerError` if a pass is at fault.
  package func reduced(_ graph: Graph) throws(CompilerError) -> Graph {
    try run([RemoveDeadNodes(), FoldConstants(), MergeDuplicateNodes(), RemoveDeadNodes()], on: graph).0
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
      let remaining = patchLimit.map { max(0, $0 - report.patchCount) } ?? .max
      let patches = try pass.run(on: &graph, limit: remaining)
      if patches.total > 0 {
        do { try graph.verify() } catch { throw .invalidGraph(pass: type(of: pass).name, error) }
      }
      report.entries.append(
        CompilationReport.Entry(
          pass: type(of: pass).name, patches: patches.total, rules: patches.rules, nodesBefore: nodesBefore,
          nodesAfter: graph.nodeCount, seconds: start.duration(to: clock.now).inSeconds))
      guard patches.total > 0 else { continue }
      report.lastPatch = patches.last.map { "\($0.rule) at \($0.node)" } ?? type(of: pass).name
    }
    return (graph, report)
  }
}
