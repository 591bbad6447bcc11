import IRGraph
import IROperators
import IRTensor

/// The transformer block of Restormer (Zamir et al., 2022), which its successors share.
package struct RestormerBlock: Sendable {
  package enum Normalization: String, Sendable, Codable { case withBias = "WithBias", biasFree = "BiasFree" }

  /// The prefixes of the parts' parameters, below the block's own.
  package struct Names: Sendable {
    var firstNormalization = "norm1.body"
    var attention = "attn"
    var secondNormalization = "norm2.body"

    package static let restormer = Names()
    /// As MoCE-IR and DaAIR number and name them.
    package static let mixer = Names(
      firstNormalization: "norms.0.body", attention: "mixer", secondNormalization: "norms.1.body")
  }

  package var heads: Int
  /// Hidden channels of the feed-forward network over its channels.
  package var expansion: Double
  package var bias = false
  package var normalization = Normalization.withBias
  package var names = Names.restormer

  package init(
    heads: Int, expansion: Double, bias: Bool = false, normalization: Normalization = .withBias,
    names: Names = .restormer
  ) {
    self.heads = heads
    self.expansion = expansion
    self.bias = bias
    self.normalization = normalization
    self.names = names
  }
}

extension NetworkBuilder {
  /// y = x + MDTA(LN(x)), y + GDFN(LN(y)).
  package mutating func block(_ x: ValueID, _ name: String, _ block: RestormerBlock) throws(GraphError)
    -> ValueID
  {
    let normal = try normalized(x, "\(name).\(block.names.firstNormalization)", block)
    let attention = try transposedAttention(
      normal, "\(name).\(block.names.attention)", heads: block.heads, bias: block.bias)
    return try withFeedForward(try sum(x, attention, "\(name).sum1"), name, block)
  }

  /// y + GDFN(LN(y)): the block's second half.
  package mutating func withFeedForward(
    _ y: ValueID, _ name: String, _ block: RestormerBlock
  ) throws(GraphError) -> ValueID {
    let normal = try normalized(y, "\(name).\(block.names.secondNormalization)", block)
    let hidden = Int(Double(channels(y)) * block.expansion)
    return try sum(
      y, try gatedFeedForward(normal, "\(name).ffn", hidden: hidden, bias: block.bias), "\(name).sum2")
  }

  /// `count` blocks, named `<name>.0`, `<name>.1`, …
  package mutating func blocks(
    _ x: ValueID, _ name: String, count: Int, _ block: RestormerBlock
  ) throws(GraphError) -> ValueID {
    var x = x
    for index in 0..<count { x = try self.block(x, "\(name).\(index)", block) }
    return x
  }

  mutating func normalized(_ x: ValueID, _ name: String, _ block: RestormerBlock) throws(GraphError)
    -> ValueID
  {
    switch block.normalization {
    case .withBias: try channelNormalization(x, name)
    case .biasFree: try biasFreeNormalization(x, name)
    }
  }

  /// Multi-Dconv head transposed attention: softmax of q̂ k̂ᵀ between the channels of each head, with a
  /// learnt temperature (Restormer, equation 1).
  package mutating func transposedAttention(
    _ x: ValueID, _ name: String, heads: Int, bias: Bool
  ) throws(GraphError) -> ValueID {
    let wide = try pointwise(x, "\(name).qkv", to: 3 * channels(x), bias: bias)
    let parts = try chunks(try depthwise(wide, "\(name).qkv_dwconv", bias: bias), 3, "\(name).split")
    let mixed = try channelAttention(query: parts[0], key: parts[1], value: parts[2], name, heads: heads)
    return try pointwise(mixed, "\(name).project_out", to: channels(x), bias: bias)
  }

  /// softmax(q̂ k̂ᵀ · temperature) v between channels, `[N, C, H, W]` each; q̂ and k̂ have unit length along
  /// the pixels.
  package mutating func channelAttention(
    query: ValueID, key: ValueID, value: ValueID, _ name: String, heads: Int
  ) throws(GraphError) -> ValueID {
    let count = channels(value)
    guard heads > 0, count % heads == 0 else {
      throw .invalid(rule: "Attention.heads", place: name, detail: "\(count) channels in \(heads) heads")
    }
    let rows: [SizeExpression] = [
      .batch, SizeExpression(heads), SizeExpression(count / heads), .height * .width,
    ]
    let unit = L2Normalization(axis: 3)
    let q = try apply(unit, try reshaped(query, rows, "\(name).q"), name: "\(name).q.unit")
    let k = try apply(unit, try reshaped(key, rows, "\(name).k"), name: "\(name).k.unit")
    let scores = try apply(MatrixMultiply(transposesB: true), q, k, name: "\(name).scores")
    let temperature = try parameter("\(name).temperature", [heads, 1, 1], .constant(1))
    let scaled = try product(scores, temperature, "\(name).scaled")
    let weights = try apply(Softmax(axis: 3), scaled, name: "\(name).softmax")
    let mixed = try apply(
      MatrixMultiply(), weights, try reshaped(value, rows, "\(name).v"), name: "\(name).mixed")
    return try reshaped(
      mixed, [.batch, SizeExpression(count), .like(2), .like(3)], like: value, "\(name).image")
  }

  /// Gated-Dconv feed-forward network: gelu(a) · b of the halves (Restormer, equation 2).
  package mutating func gatedFeedForward(
    _ x: ValueID, _ name: String, hidden: Int, bias: Bool
  ) throws(GraphError) -> ValueID {
    let wide = try pointwise(x, "\(name).project_in", to: 2 * hidden, bias: bias)
    let halves = try chunks(try depthwise(wide, "\(name).dwconv", bias: bias), 2, "\(name).split")
    let gate = try apply(Activation(.gelu), halves[0], name: "\(name).gelu")
    return try pointwise(
      try product(gate, halves[1], "\(name).gated"), "\(name).project_out", to: channels(x), bias: bias)
  }
}
