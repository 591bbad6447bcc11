import IRGraph

/// Settings of an autoencoder under the keys of diffusers' `config.json` of `AutoencoderKL`.
package struct AutoencoderConfiguration: NetworkConfiguration {
  package var imageChannels = 3
  package var latentChannels = 4
  package var widths = [128, 256, 512, 512]
  package var blocksPerLevel = 2
  package var groups = 32
  /// The factor from the autoencoder's latents to those that the UNet sees.
  package var scalingFactor = 0.18215
  var hasQuantization = true
  var hasPostQuantization = true
  var middleAttends = true
  var downBlocks = [String](repeating: "DownEncoderBlock2D", count: 4)
  var upBlocks = [String](repeating: "UpDecoderBlock2D", count: 4)

  /// Stable Diffusion's.
  package init() {}

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("in_channels", \.imageChannels, in: 3...3),
      ConfigurationKey("out_channels", \.imageChannels, in: 3...3),
      ConfigurationKey("latent_channels", \.latentChannels, in: 1...1024),
      ConfigurationKey("block_out_channels", \.widths, in: 1...8192),
      ConfigurationKey("layers_per_block", \.blocksPerLevel, in: 1...16),
      ConfigurationKey("norm_num_groups", \.groups, in: 1...1024),
      ConfigurationKey("scaling_factor", \.scalingFactor),
      ConfigurationKey("use_quant_conv", \.hasQuantization),
      ConfigurationKey("use_post_quant_conv", \.hasPostQuantization),
      ConfigurationKey("mid_block_add_attention", \.middleAttends),
      ConfigurationKey("down_block_types", \.downBlocks), ConfigurationKey("up_block_types", \.upBlocks),
      ConfigurationKey("act_fn", only: "silu"),
    ]
  }

  package static func passesOver(_ key: String, isOff: Bool) -> Bool {
    isOff || key.hasPrefix("_") || ["sample_size", "force_upcast"].contains(key)
  }

  var block: DiffusionBlock { DiffusionBlock(groups: groups, epsilon: 1e-6) }

  /// Pixels of a picture along one of its latents.
  package var factor: Int { 1 << max(widths.count - 1, 0) }

  func verify() throws(GraphError) {
    guard !widths.isEmpty, widths.allSatisfy({ $0 % groups == 0 }), downBlocks.count == widths.count,
      upBlocks.count == widths.count, downBlocks.allSatisfy({ $0 == "DownEncoderBlock2D" }),
      upBlocks.allSatisfy({ $0 == "UpDecoderBlock2D" })
    else {
      throw .invalid(
        rule: "Autoencoder.settings", place: "configuration",
        detail:
          "block_out_channels \(widths) must be multiples of norm_num_groups \(groups), with a DownEncoderBlock2D "
          + "and an UpDecoderBlock2D each, not \(downBlocks) and \(upBlocks)")
    }
    guard scalingFactor > 0, scalingFactor.isFinite else {
      throw .invalid(
        rule: "Autoencoder.settings", place: "configuration",
        detail: "scaling_factor is \(scalingFactor), must be above 0")
    }
  }
}
