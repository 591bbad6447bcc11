import IRGraph

/// Settings of MUSIQ under the keys of pyiqa's constructor.
package struct MUSIQConfiguration: NetworkConfiguration {
  package var width = 384
  package var hidden = 1152
  package var heads = 6
  package var layers = 14
  /// 1: a score; more: a distribution over the scores 1, 2, ….
  package var classes = 1
  /// The longer sides of the pictures that are looked at beside the original.
  package var longerSides = [224, 384]

  /// KonIQ-10k's, SPAQ's and PaQ-2-PiQ's; AVA's has 10 classes.
  package init() {}

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("hidden_size", \.width, in: 1...4096),
      ConfigurationKey("mlp_dim", \.hidden, in: 1...16384),
      ConfigurationKey("num_heads", \.heads, in: 1...64),
      ConfigurationKey("num_layers", \.layers, in: 0...64),
      ConfigurationKey("num_class", \.classes, in: 1...100),
      ConfigurationKey("longer_side_lengths", \.longerSides, in: 32...4096),
      ConfigurationKey("patch_size", only: MUSIQ.patchSide),
      ConfigurationKey("spatial_pos_grid_size", only: MUSIQ.gridSide),
      ConfigurationKey("max_seq_len_from_original_res", only: -1),
      ConfigurationKey("num_scales", \.scaleCount, in: 1...17),
    ]
  }

  var scaleCount = 3

  func verify() throws(GraphError) {
    guard width % heads == 0, scaleCount == longerSides.count + 1 else {
      throw .invalid(
        rule: "MUSIQ.settings", place: "configuration",
        detail:
          "hidden_size \(width) must be a multiple of num_heads \(heads), and num_scales \(scaleCount) one "
          + "more than the longer_side_lengths \(longerSides)")
    }
  }
}
