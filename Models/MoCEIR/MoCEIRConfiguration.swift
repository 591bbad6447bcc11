import IRGraph

/// The constructor's arguments of the official `MoCEIR` for one expert a picture, experts of depth 1 and of
/// spread ranks.
package struct MoCEIRConfiguration: NetworkConfiguration {
  package var inputChannels = 3
  package var outputChannels = 3
  package var dim = 32
  package var blocks = [4, 6, 6, 8]
  /// Of levels 1, 2, 3.
  package var decoderBlocks = [2, 4, 4]
  package var refinement = 4
  package var heads = [1, 2, 4, 8]
  package var expansion = 2.0
  /// Of the decoder and the output; encoder and refinement have biases always.
  package var bias = false
  package var normalization = RestormerBlock.Normalization.withBias
  package var experts = 4

  package init() {}
  package init(dim: Int) { self.dim = dim }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("inp_channels", \.inputChannels, in: 1...4),
      ConfigurationKey("out_channels", \.outputChannels, in: 1...4),
      ConfigurationKey("dim", \.dim, in: 1...512),
      ConfigurationKey("num_blocks", \.blocks, in: 0...64),
      ConfigurationKey("num_dec_blocks", \.decoderBlocks, in: 0...64),
      ConfigurationKey("num_refinement_blocks", \.refinement, in: 0...64),
      ConfigurationKey("heads", \.heads, in: 1...64),
      ConfigurationKey("ffn_expansion_factor", \.expansion), ConfigurationKey("bias", \.bias),
      ConfigurationKey("LayerNorm_type", \.normalization),
      ConfigurationKey("num_experts", \.experts, in: 1...6),
    ]
  }

  func block(_ level: Int, bias: Bool) -> RestormerBlock {
    RestormerBlock(
      heads: heads[level], expansion: expansion, bias: bias, normalization: normalization, names: .mixer)
  }

  func verify() throws(GraphError) {
    guard blocks.count == 4, heads.count == 4, decoderBlocks.count == 3, dim % (1 << (experts - 1)) == 0
    else {
      throw .invalid(
        rule: "MoCEIR.levels", place: "configuration",
        detail:
          "num_blocks \(blocks) and heads \(heads) must have 4 numbers, num_dec_blocks \(decoderBlocks) 3, "
          + "and dim \(dim) be a multiple of \(1 << (experts - 1)) for \(experts) experts")
    }
    try verifyExpansion(expansion)
  }
}
