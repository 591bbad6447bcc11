import IRGraph

/// Settings of a denoising UNet under the keys of diffusers' `config.json`.
package struct DenoisingUNetConfiguration: NetworkConfiguration {
  /// A key that holds one number for all levels, or one for each.
  package enum PerLevel: Hashable, Sendable, Codable {
    case same(Int)
    case each([Int])

    package init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let one = try? container.decode(Int.self) { self = .same(one); return }
      self = .each(try container.decode([Int].self))
    }

    package func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .same(let one): try container.encode(one)
      case .each(let list): try container.encode(list)
      }
    }

    subscript(level: Int) -> Int? {
      switch self {
      case .same(let one): one
      case .each(let list): list.indices.contains(level) ? list[level] : nil
      }
    }
  }

  package var inputChannels = 8
  package var outputChannels = 4
  package var widths = [320, 640, 1280, 1280]
  package var blocksPerLevel = 2
  /// The number of heads at each level, whatever the key is called.
  package var heads = PerLevel.each([5, 10, 20, 20])
  package var usesLinearProjection = true
  package var contextWidth = 1024
  package var groups = 32
  package var epsilon: Float = 1e-5
  var downBlocks = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"]
  var upBlocks = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]

  /// Stable Diffusion 2's, with 8 input channels.
  package init() {}

  /// Stable Diffusion 1's, with 8 input channels.
  package static var stableDiffusion1: Self {
    var result = Self()
    (result.heads, result.usesLinearProjection, result.contextWidth) = (.same(8), false, 768)
    return result
  }

  /// Tokens of a text, CLIP's.
  static let tokenCount = 77

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("in_channels", \.inputChannels, in: 1...1024),
      ConfigurationKey("out_channels", \.outputChannels, in: 1...1024),
      ConfigurationKey("block_out_channels", \.widths, in: 1...8192),
      ConfigurationKey("layers_per_block", \.blocksPerLevel, in: 1...16),
      ConfigurationKey("attention_head_dim", \.heads),
      ConfigurationKey("use_linear_projection", \.usesLinearProjection),
      ConfigurationKey("cross_attention_dim", \.contextWidth, in: 1...8192),
      ConfigurationKey("norm_num_groups", \.groups, in: 1...1024), ConfigurationKey("norm_eps", \.epsilon),
      ConfigurationKey("down_block_types", \.downBlocks), ConfigurationKey("up_block_types", \.upBlocks),
      ConfigurationKey("act_fn", only: "silu"), ConfigurationKey("downsample_padding", only: 1),
      ConfigurationKey("flip_sin_to_cos", only: true), ConfigurationKey("freq_shift", only: 0),
      ConfigurationKey("mid_block_scale_factor", only: 1.0),
      ConfigurationKey("mid_block_type", only: "UNetMidBlock2DCrossAttn"),
      ConfigurationKey("conv_in_kernel", only: 3), ConfigurationKey("conv_out_kernel", only: 3),
      ConfigurationKey("transformer_layers_per_block", only: 1),
      ConfigurationKey("time_embedding_type", only: "positional"),
      ConfigurationKey("resnet_time_scale_shift", only: "default"),
      ConfigurationKey("resnet_out_scale_factor", only: 1.0),
      ConfigurationKey("attention_type", only: "default"),
    ]
  }

  package static func passesOver(_ key: String, isOff: Bool) -> Bool {
    let harmless = [
      "sample_size", "dropout", "upcast_attention", "addition_embed_type_num_heads",
      "projection_class_embeddings_input_dim",
    ]
    return isOff || key.hasPrefix("_") || harmless.contains(key)
  }

  /// Whether each level, from full resolution down, has attention.
  var attends: [Bool] { downBlocks.map { $0 == "CrossAttnDownBlock2D" } }

  mutating func setAttention(_ attends: [Bool]) {
    downBlocks = attends.map { $0 ? "CrossAttnDownBlock2D" : "DownBlock2D" }
    upBlocks = attends.reversed().map { $0 ? "CrossAttnUpBlock2D" : "UpBlock2D" }
  }

  var block: DiffusionBlock { DiffusionBlock(groups: groups, epsilon: epsilon) }

  /// - Precondition: `verify` found nothing.
  func transformer(level: Int) -> SpatialTransformer {
    SpatialTransformer(heads: heads[level] ?? 1, groups: groups, isLinear: usesLinearProjection)
  }

  func verify() throws(GraphError) {
    func invalid(_ detail: String) -> GraphError {
      .invalid(rule: "UNet.settings", place: "configuration", detail: detail)
    }
    let known = ["CrossAttnDownBlock2D", "DownBlock2D"]
    guard !widths.isEmpty, downBlocks.count == widths.count, downBlocks.allSatisfy(known.contains) else {
      throw invalid(
        "down_block_types \(downBlocks) must be \(known) for each of block_out_channels \(widths)")
    }
    let mirrored = attends.reversed().map { $0 ? "CrossAttnUpBlock2D" : "UpBlock2D" }
    guard upBlocks == mirrored else {
      throw invalid("up_block_types \(upBlocks) do not mirror down_block_types, which asks for \(mirrored)")
    }
    guard widths[0] % 2 == 0, widths.allSatisfy({ $0 % groups == 0 }) else {
      throw invalid(
        "block_out_channels \(widths) must be multiples of norm_num_groups \(groups), the first one even")
    }
    for (level, width) in widths.enumerated() where attends[level] || level == widths.count - 1 {
      guard let count = heads[level], count > 0, width % count == 0 else {
        throw invalid(
          "attention_head_dim (the number of heads) must divide block_out_channels \(widths); level \(level) has "
            + (heads[level].map { "\($0)" } ?? "none"))
      }
    }
    guard epsilon > 0 else { throw invalid("norm_eps is \(epsilon), must be above 0") }
  }
}
