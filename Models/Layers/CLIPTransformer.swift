import IRGraph
import IROperators
import IRTensor

/// Sizes of the layers that CLIP's two towers are made of.
struct CLIPLayer: Hashable, Sendable {
  var width: Int
  var hidden: Int
  var heads: Int
  /// `quick_gelu` (x σ(1.702 x)) or `gelu` (with the error function).
  var activation: String
  var epsilon: Float

  static let activations = ["quick_gelu", "gelu"]
}

extension NetworkBuilder {
  /// x + attention(LN x), then + MLP(LN x), of tokens `[N, T, width]`. `mask` is added to the scores.
  mutating func clipLayer(
    _ x: ValueID, _ name: String, _ layer: CLIPLayer, mask: ValueID? = nil
  ) throws(GraphError) -> ValueID {
    let normal = try tokenNormalization(x, "\(name).layer_norm1", epsilon: layer.epsilon)
    let attention = "\(name).self_attn"
    let query = try linear(normal, "\(attention).q_proj", to: layer.width, bias: true)
    let key = try linear(normal, "\(attention).k_proj", to: layer.width, bias: true)
    let value = try linear(normal, "\(attention).v_proj", to: layer.width, bias: true)
    let mixed = try tokenAttention(query: query, key: key, value: value, attention, heads: layer.heads) {
      (b, scores) throws(GraphError) in
      guard let mask else { return scores }
      return try b.sum(scores, mask, "\(attention).masked")
    }
    let y = try sum(
      x, try linear(mixed, "\(attention).out_proj", to: layer.width, bias: true), "\(name).sum1")
    let again = try tokenNormalization(y, "\(name).layer_norm2", epsilon: layer.epsilon)
    let wide = try linear(again, "\(name).mlp.fc1", to: layer.hidden, bias: true)
    let gelu = layer.activation == "gelu" ? Activation(.gelu) : Activation(.swish, alpha: 1.702)
    let active = try apply(gelu, wide, name: "\(name).mlp.act")
    return try sum(y, try linear(active, "\(name).mlp.fc2", to: layer.width, bias: true), "\(name).sum2")
  }
}
