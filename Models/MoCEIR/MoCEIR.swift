import IRGraph
import IROperators
import IRTensor

/// MoCE-IR (Zamfir et al., 2025): a U whose decoder blocks send each picture to one of several experts, which
/// differ in size: simple damage needs less.
///
/// All experts are computed and one is taken: their shapes differ, so no gathered weight can stand for them.
package struct MoCEIR: RestorationNetwork {
  package static let name = "moce-ir"
  package static let card = NetworkCard(
    title: "MoCE-IR", paper: "Zamfir et al., 2025, arXiv 2411.18466",
    task: "noise, rain, haze (and motion blur, low light), blind",
    licence: "authors' code: see their repository", trainingData: "BSD400, WED, Rain100L, OTS, GoPro, LOLv1",
    published:
      "3 tasks, mean of 5 sets: 32.73 dB PSNR, 0.917 SSIM (S: 32.57, 0.916); 5 tasks: 30.58 (S: 30.08)")
  package static let presets = [
    ("s", MoCEIRConfiguration()), ("full", MoCEIRConfiguration(dim: 48)),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: MoCEIRConfiguration
  package var channelCount: Int { configuration.inputChannels }
  package var multiple: Int { 8 }

  package init(_ configuration: MoCEIRConfiguration) { self.configuration = configuration }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try configuration.verify()
    let c = configuration
    var x = try b.convolution(image, "patch_embed.proj", to: c.dim, kernel: 3, bias: false)
    var skips: [ValueID] = []
    for level in 0..<3 {
      x = try b.blocks(x, "enc.\(level).0.layers", count: c.blocks[level], c.block(level, bias: true))
      skips.append(x)
      x = try b.halved(x, "enc.\(level).1")
    }
    x = try b.blocks(x, "latent.layers", count: c.blocks[3], c.block(3, bias: true))
    let frequencies = try frequencyEmbedding(x, &b)
    var routes: [ValueID] = []
    for (index, level) in [2, 1, 0].enumerated() {
      x = try b.concatenation(try b.doubled(x, "dec.\(index).0"), skips[level], "dec.\(index).cat")
      x = try b.pointwise(x, "dec.\(index).1", to: c.dim << level, bias: c.bias)
      for block in 0..<c.decoderBlocks[level] {
        x = try decoderBlock(x, frequencies, "dec.\(index).2.layers.\(block)", level, &routes, &b)
      }
    }
    x = try b.blocks(x, "refinement.layers", count: c.refinement, c.block(0, bias: true))
    if !routes.isEmpty { b.output(try b.stacked(routes, "routing"), name: "routing") }
    let residual = try b.convolution(x, "output", to: c.outputChannels, kernel: 3, bias: c.bias)
    return try b.sum(residual, image, "sum")
  }

  /// The high frequencies of the latent features, `[N, 8 dim]`.
  private func frequencyEmbedding(_ x: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    let name = "freq_embed"
    let count = b.channels(x)
    let laplacian: [Float] = [-1, -1, -1, -1, 8, -1, -1, -1, -1]
    _ = try b.parameter(
      "\(name).high_conv.0.conv.weight", [count, 1, 3, 3],
      .start((0..<count).flatMap { _ in laplacian }))
    let high = try b.depthwise(x, "\(name).high_conv.0.conv", bias: false)
    let edges = try b.apply(Activation(.gelu), high, name: "\(name).gelu")
    let mean = try b.apply(Reduce(.mean, axes: [2, 3], keepsAxes: false), edges, name: "\(name).mean")
    let wide = try b.linear(mean, "\(name).mlp.0", to: 2 * count, bias: true)
    let active = try b.apply(Activation(.gelu), wide, name: "\(name).mlp.1")
    return try b.linear(active, "\(name).mlp.2", to: count, bias: true)
  }

  private func decoderBlock(
    _ x: ValueID, _ frequencies: ValueID, _ name: String, _ level: Int, _ routes: inout [ValueID],
    _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let c = configuration
    let count = b.channels(x)
    let normal = try b.normalized(x, "\(name).norms.0.body", c.block(level, bias: c.bias))
    var shared = try b.pointwise(normal, "\(name).proj.0", to: count, bias: true)
    var adapted = try b.pointwise(normal, "\(name).proj.1", to: count, bias: true)
    shared = try b.transposedAttention(shared, "\(name).shared", heads: c.heads[level], bias: c.bias)
    adapted = try adapter(adapted, shared, frequencies, "\(name).adapter", &routes, &b)
    let mixed = try crossAttention(adapted, shared, "\(name).mixer", heads: c.heads[level], &b)
    let y = try b.sum(mixed, x, "\(name).sum1")
    return try b.withFeedForward(y, name, c.block(level, bias: c.bias))
  }

  /// Transposed attention with queries of one picture, keys and values of another.
  private func crossAttention(
    _ x: ValueID, _ y: ValueID, _ name: String, heads: Int, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let (count, bias) = (b.channels(x), configuration.bias)
    let q = try b.depthwise(
      try b.pointwise(x, "\(name).q", to: count, bias: bias), "\(name).q_dwconv", bias: bias)
    let kv = try b.depthwise(
      try b.pointwise(y, "\(name).kv", to: 2 * count, bias: bias), "\(name).kv_dwconv", kernel: 7, bias: bias)
    let parts = try b.chunks(kv, 2, "\(name).split")
    let mixed = try b.channelAttention(query: q, key: parts[0], value: parts[1], name, heads: heads)
    return try b.pointwise(mixed, "\(name).project_out", to: count, bias: bias)
  }

  /// The routed experts: the likeliest one's output times its likelihood.
  private func adapter(
    _ x: ValueID, _ shared: ValueID, _ frequencies: ValueID, _ name: String, _ routes: inout [ValueID],
    _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let (count, experts) = (b.channels(x), configuration.experts)
    let mean = try b.apply(Reduce(.mean, axes: [2, 3], keepsAxes: false), x, name: "\(name).mean")
    let logits = try b.sum(
      try b.linear(mean, "\(name).routing.gate.2", to: experts, bias: false),
      try b.linear(frequencies, "\(name).routing.freq_gate", to: experts, bias: false), "\(name).logits")
    let likelihoods = try b.apply(Softmax(axis: 1), logits, name: "\(name).gates")
    routes.append(likelihoods)
    let best = try b.apply(
      ArgExtreme(findsMaximum: true, axis: 1, keepsAxis: false), likelihoods, name: "\(name).best")
    let hot = try b.apply(
      OneHot(axis: 1, depth: experts), best, b.constant([0, 1], [2], "\(name).values"), name: "\(name).hot")
    let gates = try b.columns(try b.product(likelihoods, hot, "\(name).gate"), "\(name).gate")
    var sum: ValueID?
    for expert in 0..<experts {
      let y = try self.expert(x, shared, "\(name).experts.\(expert).0", expert, &b)
      let share = try b.product(y, gates[expert], "\(name).experts.\(expert).share")
      if let others = sum {
        sum = try b.sum(others, share, "\(name).experts.\(expert).sum")
      } else {
        sum = share
      }
    }
    let counts = (0..<experts).map { Double(parameterCount(count, $0)) }
    let largest = counts.max() ?? 1
    b.unusedParameter(
      "\(name).routing.complexity", [experts], .values(counts.map { Float($0 / largest) }))
    return try b.pointwise(sum ?? x, "\(name).proj_out", to: count, bias: false)
  }

  /// Rank and square side of an expert: each has twice those of the one before, the last full rank.
  private func size(_ channels: Int, _ expert: Int) -> (rank: Int, side: Int) {
    (channels >> (configuration.experts - 1 - expert), 4 << expert)
  }

  private func parameterCount(_ channels: Int, _ expert: Int) -> Int {
    let rank = size(channels, expert).rank
    return 3 * channels * rank + 4 * rank * rank + 10 * rank + 2 * 50 * rank + 2 * rank + rank
  }

  private func expert(
    _ x: ValueID, _ shared: ValueID, _ name: String, _ expert: Int, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let (rank, side) = size(b.channels(x), expert)
    let low = try b.pointwise(x, "\(name).proj.0", to: rank, bias: false)
    let body = try b.fourierAttention(low, "\(name).body", side: side)
    let gate = try b.apply(
      Activation(.swish, alpha: 1), try b.pointwise(shared, "\(name).proj.1", to: rank, bias: false),
      name: "\(name).silu")
    let y = try b.product(body, gate, "\(name).gated")
    return try b.sum(try b.pointwise(y, "\(name).proj.2", to: b.channels(x), bias: false), x, "\(name).sum")
  }
}
