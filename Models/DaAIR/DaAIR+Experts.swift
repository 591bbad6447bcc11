import IRGraph
import IROperators
import IRTensor

extension DaAIR {
  /// Low rank, then Conv2Former's modulation: W₃ (DW(gelu(W₁ u)) · W₂ u), u = down x.
  func expert(_ x: ValueID, _ name: String, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    let rank = configuration.rank(b.channels(x))
    let u = try b.pointwise(x, "\(name).down", to: rank, bias: false)
    let wide = try b.apply(
      Activation(.gelu), try b.pointwise(u, "\(name).block.att.0", to: rank, bias: true),
      name: "\(name).block.att.1")
    let attention = try b.depthwise(wide, "\(name).block.att.2", kernel: configuration.kernel, bias: true)
    let value = try b.pointwise(u, "\(name).block.v", to: rank, bias: true)
    return try b.pointwise(
      try b.product(attention, value, "\(name).block.modulated"), "\(name).block.proj", to: rank, bias: true)
  }

  /// Every expert's work, of which one is kept: what sparse routing saves is measured against this.
  func everyExpert(
    _ x: ValueID, _ chosen: ValueID, _ name: String, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let hot = try b.apply(
      OneHot(axis: 1, depth: configuration.tasks.count), chosen, b.constant([0, 1], [2], "\(name).values"),
      name: "\(name).hot")
    let gates = try b.columns(hot, "\(name).gate")
    var sum = try b.product(try expert(x, "\(name).experts.0", &b), gates[0], "\(name).experts.0.share")
    for index in 1..<configuration.tasks.count {
      let share = try b.product(
        try expert(x, "\(name).experts.\(index)", &b), gates[index], "\(name).experts.\(index).share")
      sum = try b.sum(sum, share, "\(name).experts.\(index).sum")
    }
    return sum
  }

  /// The chosen expert's work alone: the experts' weights lie stacked, and each picture's are gathered by
  /// index. 1×1 convolutions are matrix products, batched; the depth-wise one has the batch among its
  /// channels.
  func chosenExpert(
    _ x: ValueID, _ chosen: ValueID, _ name: String, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let (count, batch) = (b.channels(x), b.shape(of: x)[0])
    let (rank, side) = (configuration.rank(count), configuration.kernel)
    let experts = "\(name).experts"
    let flat = try b.reshaped(
      x, [.batch, SizeExpression(count), .height * .width], "\(experts).pixels")
    func weight(_ part: String, _ inputs: Int, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
      let stack = try stack(
        experts, "\(part).weight", [rank, inputs, 1, 1], row: [rank, inputs], fanIn: inputs, &b)
      return try b.apply(Gather(axis: 0), stack, chosen, name: "\(experts).\(part).weight.chosen")
    }
    func linear(
      _ y: ValueID, _ part: String, _ b: inout NetworkBuilder
    ) throws(GraphError) -> ValueID {
      let terms = try stack(experts, "\(part).bias", [rank], row: [rank, 1], fanIn: rank, &b)
      let bias = try b.apply(Gather(axis: 0), terms, chosen, name: "\(experts).\(part).bias.chosen")
      let product = try b.apply(MatrixMultiply(), try weight(part, rank, &b), y, name: "\(experts).\(part)")
      return try b.sum(product, bias, "\(experts).\(part).sum")
    }
    let u = try b.apply(MatrixMultiply(), try weight("down", count, &b), flat, name: "\(experts).down")
    let wide = try b.apply(
      Activation(.gelu), try linear(u, "block.att.0", &b), name: "\(experts).block.att.1")
    let channels = SizeExpression(batch * rank)
    let part = "block.att.2"
    let kernels = try stack(
      experts, "\(part).weight", [rank, 1, side, side], row: [rank, 1, side, side], fanIn: side * side, &b)
    let terms = try stack(experts, "\(part).bias", [rank], row: [rank], fanIn: side * side, &b)
    let kernel = try b.apply(
      Reshape(shape: [batch * rank, 1, side, side]),
      try b.apply(Gather(axis: 0), kernels, chosen, name: "\(experts).\(part).weight.chosen"),
      name: "\(experts).\(part).kernel")
    let bias = try b.apply(
      Reshape(shape: [batch * rank]),
      try b.apply(Gather(axis: 0), terms, chosen, name: "\(experts).\(part).bias.chosen"),
      name: "\(experts).\(part).terms")
    let picture = try b.reshaped(wide, [1, channels, .like(2), .like(3)], like: x, "\(experts).picture")
    let pads = [side / 2, side / 2]
    let depthwise = Convolution(
      strides: [1, 1], padsBefore: pads, padsAfter: pads, dilations: [1, 1], groupCount: batch * rank)
    let convolved = try b.apply(depthwise, picture, kernel, bias, name: "\(experts).\(part)")
    let attention = try b.reshaped(
      convolved, [SizeExpression(batch), SizeExpression(rank), .height * .width], "\(experts).attention")
    let modulated = try b.product(attention, try linear(u, "block.v", &b), "\(experts).block.modulated")
    return try b.reshaped(
      try linear(modulated, "block.proj", &b), [.batch, SizeExpression(rank), .like(2), .like(3)], like: x,
      "\(experts).result")
  }

  /// One parameter of all experts, `[experts, row…]`.
  private func stack(
    _ experts: String, _ part: String, _ shape: Shape, row: Shape, fanIn: Int, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    var rows: [ValueID] = []
    for index in configuration.tasks.indices {
      let weight = try b.parameter("\(experts).\(index).\(part)", shape, .fanIn(fanIn))
      rows.append(
        try b.apply(Reshape(shape: Shape([1] + row.extents)), weight, name: "\(experts).\(index).\(part).row")
      )
    }
    return try b.concatenated(rows, axis: 0, "\(experts).\(part)")
  }
}

/// Settings of the reconstruction.
package struct DaAIRConfiguration: NetworkConfiguration {
  package var dim = 24
  package var blocks = [3, 5, 5, 7]
  /// Of levels 1, 2, 3.
  package var decoderBlocks = [3, 5, 5]
  package var refinement = 2
  package var heads = [1, 2, 4, 8]
  package var expansion = 2.0
  /// Channels over the experts' rank.
  package var ratio = 4
  package var kernel = 7
  /// The degradations, an expert each.
  package var tasks = ["noise", "rain", "haze"]
  package var imageResidual = true
  /// An input `task` `[N]` int64: the index of a degradation, or -1 for the routers' own choice.
  package var takesTask = false
  /// An output `routing` `[N, learners, tasks]`: what the routers hold likely.
  package var givesRouting = true
  package var computesAllExperts = false

  package init() {}
  package init(tasks: [String]) { self.tasks = tasks }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("dim", \.dim, in: 1...512), ConfigurationKey("num_blocks", \.blocks, in: 0...64),
      ConfigurationKey("num_dec_blocks", \.decoderBlocks, in: 0...64),
      ConfigurationKey("num_refinement_blocks", \.refinement, in: 0...64),
      ConfigurationKey("heads", \.heads, in: 1...64), ConfigurationKey("ffn_expansion_factor", \.expansion),
      ConfigurationKey("ratio", \.ratio, in: 1...64), ConfigurationKey("kernel_size", \.kernel, in: 1...31),
      ConfigurationKey("tasks", \.tasks), ConfigurationKey("image_residual", \.imageResidual),
      ConfigurationKey("task_input", \.takesTask), ConfigurationKey("routing_output", \.givesRouting),
      ConfigurationKey("all_experts", \.computesAllExperts),
    ]
  }

  func rank(_ channels: Int) -> Int { channels / ratio }

  func block(_ level: Int) -> RestormerBlock {
    RestormerBlock(heads: heads[level], expansion: expansion, names: .mixer)
  }

  func verify() throws(GraphError) {
    guard blocks.count == 4, heads.count == 4, decoderBlocks.count == 3, dim % 2 == 0, dim >= ratio,
      kernel % 2 == 1, (1...64).contains(tasks.count)
    else {
      throw .invalid(
        rule: "DaAIR.settings", place: "configuration",
        detail:
          "num_blocks \(blocks) and heads \(heads) must have 4 numbers, num_dec_blocks \(decoderBlocks) 3, "
          + "dim \(dim) be even and at least ratio \(ratio), kernel_size \(kernel) odd, tasks 1 to 64")
    }
    try verifyExpansion(expansion)
  }
}

extension DaAIR {
  /// The parameter that a controller's one follows while the network is trained (§3.2): controllers are
  /// experts of the decoder that take no gradient. nil for every other parameter.
  ///
  /// `dec.<m>.2.layers.<j>.dale.controller.<rest>` follows `enc.<l>.0.layers.<j>.dale.agnostic.<rest>`, where
  /// decoder stage m works at the level l of encoder stage 2 - m.
  package static func leader(ofController name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count > 7, parts[0] == "dec", let stage = Int(parts[1]), parts[2] == "2",
      parts[3] == "layers", parts[5] == "dale", parts[6] == "controller", (0...2).contains(stage)
    else { return nil }
    return (["enc", "\(2 - stage)", "0", "layers", parts[4], "dale", "agnostic"] + parts[7...])
      .joined(separator: ".")
  }
}
