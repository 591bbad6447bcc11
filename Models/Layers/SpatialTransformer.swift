import IRGraph
import IROperators
import IRTensor

/// The text that a picture's tokens attend to.
struct TextContext: Sendable {
  /// Embeddings `[N, T, D]`, or of every prompt `[P, T, D]`.
  var embeddings: ValueID
  /// For each picture the prompt, `[N]` int64, where the embeddings are those of prompts.
  var prompt: ValueID?
}

/// Settings of a transformer in the denoising UNet.
struct SpatialTransformer: Hashable, Sendable {
  var heads: Int
  var groups: Int
  /// Projections by linear maps of tokens (SD 2) instead of 1×1 convolutions (SD 1).
  var isLinear: Bool
}

extension NetworkBuilder {
  /// x + a transformer block over the pixels: attention among themselves, to the text, and a gated
  /// perceptron.
  mutating func spatialTransformer(
    _ x: ValueID, _ name: String, _ context: TextContext, _ settings: SpatialTransformer
  ) throws(GraphError) -> ValueID {
    let count = channels(x)
    let normal = try groupNormalization(x, "\(name).norm", groups: settings.groups, epsilon: 1e-6)
    var y: ValueID
    if settings.isLinear {
      y = try linear(try tokens(normal, "\(name).tokens"), "\(name).proj_in", to: count, bias: true)
    } else {
      y = try tokens(try pointwise(normal, "\(name).proj_in", to: count, bias: true), "\(name).tokens")
    }
    let block = "\(name).transformer_blocks.0"
    let first = try tokenNormalization(y, "\(block).norm1")
    y = try sum(y, try attention(first, nil, "\(block).attn1", settings.heads), "\(block).sum1")
    let second = try tokenNormalization(y, "\(block).norm2")
    y = try sum(y, try attention(second, context, "\(block).attn2", settings.heads), "\(block).sum2")
    let third = try tokenNormalization(y, "\(block).norm3")
    y = try sum(y, try gatedPerceptron(third, "\(block).ff"), "\(block).sum3")
    if settings.isLinear {
      let projected = try linear(y, "\(name).proj_out", to: count, bias: true)
      y = try picture(projected, like: x, "\(name).picture")
    } else {
      y = try pointwise(
        try picture(y, like: x, "\(name).picture"), "\(name).proj_out", to: count, bias: true)
    }
    return try sum(y, x, "\(name).sum")
  }

  /// Attention of tokens to the text, or without one to themselves.
  private mutating func attention(
    _ x: ValueID, _ context: TextContext?, _ name: String, _ heads: Int
  ) throws(GraphError) -> ValueID {
    let width = shape(of: x).last ?? 0
    let source = context?.embeddings ?? x
    var key = try linear(source, "\(name).to_k", to: width, bias: false)
    var value = try linear(source, "\(name).to_v", to: width, bias: false)
    if let prompt = context?.prompt {
      key = try apply(Gather(axis: 0), key, prompt, name: "\(name).keys")
      value = try apply(Gather(axis: 0), value, prompt, name: "\(name).values")
    }
    let query = try linear(x, "\(name).to_q", to: width, bias: false)
    let mixed = try tokenAttention(query: query, key: key, value: value, name, heads: heads)
    return try linear(mixed, "\(name).to_out.0", to: width, bias: true)
  }

  /// a · GELU(g) of one linear map (Shazeer, 2020), back to the width by another.
  private mutating func gatedPerceptron(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let width = shape(of: x).last ?? 0
    let wide = try linear(x, "\(name).net.0.proj", to: 8 * width, bias: true)
    let parts = try results(Split(axis: 2, sizes: [4 * width, 4 * width]), wide, name: "\(name).net.0")
    let gate = try apply(Activation(.gelu), parts[1], name: "\(name).net.0.gelu")
    return try linear(
      try product(parts[0], gate, "\(name).net.0.gated"), "\(name).net.2", to: width, bias: true)
  }
}
