import IRTensor

extension DenoisingUNetConfiguration {
  /// Settings that follow from the weights' shapes, under diffusers' names: Stable Diffusion 1's heads with
  /// convolutions as projections, 2's with linear maps. Nil for weights of something else.
  package init?(weights: [NamedWeight]) {
    self.init()
    let shapes = Dictionary(weights.map { ($0.name, $0.tensor.shape) }, uniquingKeysWith: { a, _ in a })
    guard let first = shapes["conv_in.weight"], first.rank == 4, let last = shapes["conv_out.weight"],
      last.rank == 4
    else { return nil }
    (inputChannels, outputChannels) = (first[1], last[0])
    var widths: [Int] = []
    while let shape = shapes["down_blocks.\(widths.count).resnets.0.conv1.weight"], shape.rank == 4,
      widths.count < 16
    { widths.append(shape[0]) }
    guard let deepest = widths.last else { return nil }
    self.widths = widths
    blocksPerLevel = (0..<16).prefix { shapes["down_blocks.0.resnets.\($0).conv1.weight"] != nil }.count
    let attends = widths.indices.map { shapes["down_blocks.\($0).attentions.0.proj_in.weight"] != nil }
    setAttention(attends)
    guard let projection = shapes["mid_block.attentions.0.proj_in.weight"],
      let key = shapes["mid_block.attentions.0.transformer_blocks.0.attn2.to_k.weight"], key.rank == 2,
      deepest > 0
    else { return nil }
    contextWidth = key[1]
    usesLinearProjection = projection.rank == 2 && contextWidth != 768
    heads = usesLinearProjection ? .each(widths.map { max($0 / 64, 1) }) : .same(8)
  }
}

extension TextTowerConfiguration {
  /// Settings that follow from the weights' shapes, under transformers' names: CLIP's, or of OpenCLIP all
  /// layers but the last, as Stable Diffusion 2 takes it. Nil for weights of something else.
  package init?(weights: [NamedWeight], isOpenCLIP: Bool) {
    self.init()
    let shapes = Dictionary(weights.map { ($0.name, $0.tensor.shape) }, uniquingKeysWith: { a, _ in a })
    guard let table = shapes["embeddings.token_embedding.weight"], table.rank == 2, table[1] >= 64,
      let positions = shapes["embeddings.position_embedding.weight"], positions.rank == 2,
      let wide = shapes["encoder.layers.0.mlp.fc1.weight"], wide.rank == 2
    else { return nil }
    (vocabularySize, width, tokenCount, hidden) = (table[0], table[1], positions[0], wide[0])
    let count = (0..<64).prefix { shapes["encoder.layers.\($0).mlp.fc1.weight"] != nil }.count
    layers = isOpenCLIP ? max(count - 1, 0) : count
    activation = isOpenCLIP ? "gelu" : "quick_gelu"
    heads = width / 64
  }
}

extension DenoisingUNet {
  /// The weights with zeros for input channels that they do not have, up to `channels`: a model that never
  /// saw a condition passes it over until it is trained.
  package static func widened(_ weights: [NamedWeight], to channels: Int) -> [NamedWeight] {
    weights.map { weight in
      let shape = weight.tensor.shape
      guard weight.name == "conv_in.weight", shape.rank == 4, shape[1] < channels else { return weight }
      return (weight.name, weight.tensor.widened(toChannels: channels))
    }
  }
}
