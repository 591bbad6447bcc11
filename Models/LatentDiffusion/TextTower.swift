import IRGraph
import IROperators
import IRTensor

/// Settings of a text tower under the keys of transformers' `config.json` of `CLIPTextModel`.
package struct TextTowerConfiguration: NetworkConfiguration {
  package var vocabularySize = 49408
  package var width = 1024
  package var hidden = 4096
  package var layers = 23
  package var heads = 16
  package var tokenCount = 77
  package var activation = "gelu"
  package var epsilon: Float = 1e-5

  /// OpenCLIP's ViT-H, cut before its last layer, as Stable Diffusion 2 has it.
  package init() {}

  /// CLIP's ViT-L/14, as Stable Diffusion 1 has it.
  package static var stableDiffusion1: Self {
    var result = Self()
    (result.width, result.hidden, result.layers, result.heads) = (768, 3072, 12, 12)
    result.activation = "quick_gelu"
    return result
  }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("vocab_size", \.vocabularySize, in: 1...1_000_000),
      ConfigurationKey("hidden_size", \.width, in: 1...4096),
      ConfigurationKey("intermediate_size", \.hidden, in: 1...16384),
      ConfigurationKey("num_hidden_layers", \.layers, in: 0...64),
      ConfigurationKey("num_attention_heads", \.heads, in: 1...64),
      ConfigurationKey("max_position_embeddings", \.tokenCount, in: 1...1024),
      ConfigurationKey("hidden_act", \.activation), ConfigurationKey("layer_norm_eps", \.epsilon),
    ]
  }

  package static func passesOver(_ key: String, isOff: Bool) -> Bool {
    let harmless = [
      "architectures", "attention_dropout", "bos_token_id", "dropout", "dtype", "eos_token_id",
      "initializer_factor", "initializer_range", "model_type", "pad_token_id", "projection_dim",
      "torch_dtype", "transformers_version",
    ]
    return isOff || key.hasPrefix("_") || harmless.contains(key)
  }

  var layer: CLIPLayer {
    CLIPLayer(width: width, hidden: hidden, heads: heads, activation: activation, epsilon: epsilon)
  }

  func verify() throws(GraphError) {
    guard width % heads == 0, CLIPLayer.activations.contains(activation), epsilon > 0 else {
      throw .invalid(
        rule: "TextTower.settings", place: "configuration",
        detail: "hidden_size \(width) must be a multiple of num_attention_heads \(heads), hidden_act "
          + "\(activation) one of \(CLIPLayer.activations), layer_norm_eps \(epsilon) above 0")
    }
  }
}

/// The text tower of CLIP (Radford et al., 2021) or OpenCLIP, to its last hidden state.
///
/// Input `input_ids [N, 77]` int64, padded; output `last_hidden_state [N, 77, width]`, behind the last
/// normalization. Tokens attend to those before them alone, whatever is padding.
package struct TextTower: PartNetwork {
  package static let name = "text_encoder"
  package let configuration: TextTowerConfiguration

  package init(_ configuration: TextTowerConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape { [1, configuration.tokenCount] }
  /// Projections and scales behind the last hidden state, and buffers.
  package func ignores(weight name: String) -> Bool {
    let unused = [
      "embeddings.position_ids", "attn_mask", "text_projection", "text_projection.weight", "logit_scale",
    ]
    return unused.contains(name)
  }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    try configuration.verify()
    let c = configuration
    let ids = b.input("input_ids", TensorType(.int64, shape))
    let table = try b.parameter(
      "embeddings.token_embedding.weight", [c.vocabularySize, c.width], .normal(0.02))
    let positions = try b.parameter(
      "embeddings.position_embedding.weight", [c.tokenCount, c.width], .normal(0.02))
    let tokens = try b.apply(Gather(axis: 0), table, ids, name: "embeddings.tokens")
    var x = try b.sum(tokens, positions, "embeddings")
    let count = c.tokenCount
    let mask = b.constant(
      (0..<count).flatMap { row in
        (0..<count).map { $0 > row ? -Float.greatestFiniteMagnitude : 0 }
      }, [count, count], "mask")
    for index in 0..<c.layers { x = try b.clipLayer(x, "encoder.layers.\(index)", c.layer, mask: mask) }
    b.output(try b.tokenNormalization(x, "final_layer_norm", epsilon: c.epsilon), name: "last_hidden_state")
  }
}
