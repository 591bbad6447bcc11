import IRGraph
import IROperators
import IRTensor

/// SE-SymUNet (Jiao et al., 2025): SymUNet whose decoder and a frozen CLIP vision tower ask each other, by
/// cross attention both ways.
package struct SESymUNet: RestorationNetwork {
  package static let name = "se-symunet"
  package static let card = NetworkCard(
    title: "SE-SymUNet", paper: "Jiao et al., 2025, arXiv 2512.10581",
    task: "noise, rain, haze (and motion blur, low light), blind",
    licence: "authors' code: see their repository; CLIP's weights: MIT; no other weights published",
    trainingData: "BSD400, WED, Rain100L, OTS (and GoPro, LOLv1)",
    published: "3 tasks, mean of 5 sets: 33.08 dB PSNR, 0.922 SSIM; 5 tasks: 30.73 dB, 0.916")
  package static let presets = [
    ("se-symunet", SESymUNetConfiguration()), ("features", SESymUNetConfiguration(features: .input)),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: SESymUNetConfiguration
  package var channelCount: Int { configuration.backbone.imageChannels }
  package var optionalPrefixes: [String] { ["clip_model.", "clip_model.vision_model."] }

  package init(_ configuration: SESymUNetConfiguration) { self.configuration = configuration }

  /// CLIP's text side, what lies behind the last hidden state, and indices that it stores.
  package func ignores(weight name: String) -> Bool {
    let unused = [
      "text_model.", "text_projection.", "visual_projection.", "logit_scale",
      "vision_model.post_layernorm.", "vision_model.embeddings.position_ids",
    ]
    let isUnused = unused.contains { name.hasPrefix("clip_model." + $0) }
    return isUnused || (configuration.features == .input && name.hasPrefix("clip_model."))
  }

  /// Uses the positional embeddings of a file that has them; the sides that they are for follow from their
  /// count.
  package func adapted(to shapes: [String: Shape]) -> SESymUNet {
    let last = configuration.backbone.encoder.count - 1
    guard configuration.positionSides.isEmpty,
      let count = shapes["decoder_guide_attentions.\(last).pos_embed"].flatMap({ $0.rank == 3 ? $0[1] : nil }
      ),
      let patch = configuration.patchSides.first, count > 0, count < 1 << 32
    else { return self }
    let cell = max(configuration.backbone.padding / patch, 1)
    // The most nearly square picture with that many patches.
    var height = Int(Double(count).squareRoot()) / cell * cell
    while height > 0, count % height != 0 || (count / height) % cell != 0 { height -= cell }
    guard height > 0 else { return self }
    var result = configuration
    result.positionSides = [height * patch, count / height * patch]
    return SESymUNet(result)
  }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try configuration.verify()
    let symUNet = SymUNet(configuration.backbone)
    let c = configuration.backbone
    var features = try clipFeatures(image, &b)
    let padded = try b.padded(image, toMultipleOf: c.padding, .reflect)
    var (x, skips) = try symUNet.encoder(padded, &b)
    let middle = configuration.middle
    x = try guided(x, features, "middle_guide_attention", middle, &b)
    x = try b.blocks(x, "middle_blks", count: c.middle, c.block(level: nil))
    features = try refined(features, x, "middle_refine_attention", middle, &b)
    for index in c.decoder.indices {
      let stage = configuration.stage(decoder: index)
      x = try b.sum(try b.shuffledUp(x, "ups.\(index)"), skips.removeLast(), "skips.\(index)")
      x = try guided(x, features, "decoder_guide_attentions.\(index)", stage, &b)
      x = try b.blocks(x, "decoders.\(index)", count: c.decoder[index], symUNet.decoderBlock(index))
      let name = "decoder_refine_attentions.\(index)"
      if index < c.decoder.count - 1 {
        features = try refined(features, x, name, stage, &b)
      } else {
        // Nobody asks CLIP after the last stage.
        let (x, features) = (x, features)
        try b.neverRead { (b) throws(GraphError) in _ = try refined(features, x, name, stage, &b) }
      }
    }
    return try symUNet.head(x, padded, image, &b)
  }

  private func clipFeatures(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    let clip = configuration.clip
    switch configuration.features {
    case .input:
      return b.input(
        "clip_features", TensorType(.float32, [b.shape(of: image)[0], clip.tokenCount, clip.width]))
    case .tower:
      let features = try b.clipVisionTower(image, "clip_model.vision_model", clip)
      b.output(features, name: "clip_features")
      return features
    }
  }

  /// The picture asks CLIP: F + α · attention(patches of F, features).
  private func guided(
    _ x: ValueID, _ features: ValueID, _ name: String, _ stage: SESymUNetConfiguration.Stage,
    _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let tokens = try positioned(x, name, stage, &b)
    let update = try crossAttention(tokens, features, name, stage, &b)
    return try b.sum(
      x, try b.picture(update, like: x, size: stage.patchSide, "\(name).update"), "\(name).sum")
  }

  /// CLIP asks the picture: z + α · attention(z, patches of F).
  private func refined(
    _ features: ValueID, _ x: ValueID, _ name: String, _ stage: SESymUNetConfiguration.Stage,
    _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let tokens = try positioned(x, name, stage, &b)
    return try b.sum(features, try crossAttention(features, tokens, name, stage, &b), "\(name).sum")
  }

  /// The patches of a picture, with the positional embedding where one is stored, resized to the picture's
  /// grid.
  private func positioned(
    _ x: ValueID, _ name: String, _ stage: SESymUNetConfiguration.Stage, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let tokens = try b.patches(x, size: stage.patchSide, "\(name).patches")
    guard let grid = stage.positionGrid else { return tokens }
    let width = b.shape(of: tokens)[2]
    let stored = try b.parameter("\(name).pos_embed", [1, grid[0] * grid[1], width], .normal(1))
    let rows = try b.apply(
      Reshape(shape: [1, grid[0], grid[1], width]), stored, name: "\(name).pos_embed.grid")
    let picture = try b.apply(Transpose(permutation: [0, 3, 1, 2]), rows, name: "\(name).pos_embed.picture")
    let side = SizeExpression(stage.patchSide)
    let resize = RelativeResize(
      mode: .linear, extents: [1, .extent(axis: 1), .like(2) / side, .like(3) / side])
    let resized = try b.apply(resize, picture, x, name: "\(name).pos_embed.resized")
    let flat = try b.reshaped(
      resized, [1, .extent(axis: 1), .height * .width], "\(name).pos_embed.flat")
    let embedding = try b.apply(Transpose(permutation: [0, 2, 1]), flat, name: "\(name).pos_embed.tokens")
    return try b.sum(tokens, embedding, "\(name).positioned")
  }

  /// α · attention of normalized tokens with a normalized context.
  private func crossAttention(
    _ query: ValueID, _ context: ValueID, _ name: String, _ stage: SESymUNetConfiguration.Stage,
    _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let attention = "\(name).attention"
    let q = try b.tokenNormalization(query, "\(attention).norm_query")
    let x = try b.tokenNormalization(context, "\(attention).norm_context")
    let mixed = try b.tokenAttention(
      query: try b.linear(q, "\(attention).to_q", to: stage.width, bias: false),
      key: try b.linear(x, "\(attention).to_k", to: stage.width, bias: false),
      value: try b.linear(x, "\(attention).to_v", to: stage.width, bias: false), attention,
      heads: stage.heads)
    let update = try b.linear(
      mixed, "\(attention).to_out.0", to: b.shape(of: query).last ?? 1, bias: true)
    let alpha = try b.parameter("\(name).alpha", .scalar, .constant(1e-4))
    return try b.product(update, alpha, "\(name).scaled")
  }
}
