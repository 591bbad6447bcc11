import IRGraph

/// The constructor's arguments of the official `SESymUnet`; CLIP's own under `clip`.
package struct SESymUNetConfiguration: NetworkConfiguration {
  /// The source of CLIP's features: its tower inside the graph, or an input `clip_features`.
  package enum Features: String, Hashable, Sendable, Codable { case tower, input }

  /// One exchange with CLIP.
  struct Stage: Hashable, Sendable {
    /// Channels inside the attention.
    var width: Int
    var heads: Int
    /// Pixels along a patch that is a token.
    var patchSide: Int
    /// Patches along the sides that the stored positional embedding is for.
    var positionGrid: [Int]?
  }

  package var backbone = SymUNetConfiguration()
  package var widths = [1024, 1024, 1024]
  package var heads = [1, 2, 4]
  package var patchSides = [4, 4, 4]
  package var middleWidth = 1024
  package var middleHeads = 8
  package var middlePatchSide = 2
  package var clip = CLIPConfiguration()
  package var features = Features.tower
  /// Height and width of the padded picture that stored positional embeddings are for; empty where none are
  /// stored, as in the authors' files from a GPU.
  package var positionSides: [Int] = []

  package init() {}
  init(features: Features) { self.features = features }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("img_channel", \.backbone.imageChannels, in: 3...3),
      ConfigurationKey("width", \.backbone.width, in: 1...1024),
      ConfigurationKey("enc_blk_nums", \.backbone.encoder, in: 0...64),
      ConfigurationKey("middle_blk_num", \.backbone.middle, in: 0...64),
      ConfigurationKey("dec_blk_nums", \.backbone.decoder, in: 0...64),
      ConfigurationKey("restormer_heads", \.backbone.heads, in: 1...64),
      ConfigurationKey("restormer_middle_heads", \.backbone.middleHeads, in: 1...64),
      ConfigurationKey("ffn_expansion_factor", \.backbone.expansion),
      ConfigurationKey("bias", \.backbone.bias),
      ConfigurationKey("LayerNorm_type", \.backbone.normalization),
      ConfigurationKey("cross_attn_inner_dims", \.widths, in: 1...8192),
      ConfigurationKey("cross_attn_heads", \.heads, in: 1...64),
      ConfigurationKey("patch_sizes", \.patchSides, in: 1...64),
      ConfigurationKey("middle_cross_attn_inner_dim", \.middleWidth, in: 1...8192),
      ConfigurationKey("middle_cross_attn_heads", \.middleHeads, in: 1...64),
      ConfigurationKey("middle_patch_size", \.middlePatchSide, in: 1...64), ConfigurationKey("clip", \.clip),
      ConfigurationKey("features", \.features),
      ConfigurationKey("pos_embed_size", \.positionSides, in: 1...16384),
    ]
  }

  var middle: Stage {
    Stage(
      width: middleWidth, heads: middleHeads, patchSide: middlePatchSide,
      positionGrid: grid(1 << backbone.encoder.count, middlePatchSide))
  }

  /// Settings count the stages from full resolution down.
  func stage(decoder index: Int) -> Stage {
    let level = backbone.encoder.count - 1 - index
    return Stage(
      width: widths[level], heads: heads[level], patchSide: patchSides[level],
      positionGrid: grid(1 << level, patchSides[level]))
  }

  private func grid(_ stride: Int, _ patch: Int) -> [Int]? {
    positionSides.isEmpty ? nil : positionSides.map { $0 / (stride * patch) }
  }

  func verify() throws(GraphError) {
    try backbone.verify()
    let count = backbone.encoder.count
    let patches = [middlePatchSide << count] + patchSides.enumerated().map { $0.element << $0.offset }
    guard count > 0, [widths.count, heads.count, patchSides.count].allSatisfy({ $0 >= count }),
      patches.prefix(count + 1).allSatisfy({ backbone.padding % $0 == 0 })
    else {
      throw .invalid(
        rule: "SESymUNet.stages", place: "configuration",
        detail:
          "cross_attn_inner_dims \(widths), cross_attn_heads \(heads) and patch_sizes \(patchSides) need a "
          + "number for each of \(count) levels, and patches must divide sides of \(backbone.padding)")
    }
    guard
      positionSides.isEmpty
        || (positionSides.count == 2 && positionSides.allSatisfy { $0 % backbone.padding == 0 })
    else {
      throw .invalid(
        rule: "SESymUNet.positions", place: "configuration",
        detail: "pos_embed_size \(positionSides) must be two multiples of \(backbone.padding)")
    }
  }
}
