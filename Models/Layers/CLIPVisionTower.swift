import IRGraph
import IROperators
import IRTensor

/// Settings of a CLIP vision tower (Radford et al., 2021) under the keys of its published `config.json`, and
/// of its image processor.
package struct CLIPConfiguration: NetworkConfiguration {
  package var width = 1024
  package var hidden = 4096
  package var layers = 24
  package var heads = 16
  package var imageSide = 224
  package var patchSide = 14
  package var activation = "quick_gelu"
  package var epsilon: Float = 1e-5
  package var mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
  package var deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]
  /// A note on the processor, which is always this one.
  var resize = "bicubic antialias shortest edge, centre crop"

  /// ViT-L/14.
  package init() {}

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("hidden_size", \.width, in: 1...4096),
      ConfigurationKey("intermediate_size", \.hidden, in: 1...16384),
      ConfigurationKey("num_hidden_layers", \.layers, in: 0...64),
      ConfigurationKey("num_attention_heads", \.heads, in: 1...64),
      ConfigurationKey("image_size", \.imageSide, in: 1...1024),
      ConfigurationKey("patch_size", \.patchSide, in: 1...256),
      ConfigurationKey("hidden_act", \.activation), ConfigurationKey("layer_norm_eps", \.epsilon),
      ConfigurationKey("image_mean", \.mean), ConfigurationKey("image_std", \.deviation),
      ConfigurationKey("resize", \.resize),
    ]
  }

  /// The class token and one for each patch.
  package var tokenCount: Int { (imageSide / patchSide) * (imageSide / patchSide) + 1 }

  var layer: CLIPLayer {
    CLIPLayer(width: width, hidden: hidden, heads: heads, activation: activation, epsilon: epsilon)
  }

  func verify() throws(GraphError) {
    guard imageSide % patchSide == 0, width % heads == 0, mean.count == 3, deviation.count == 3,
      deviation.allSatisfy({ $0 > 0 }), CLIPLayer.activations.contains(activation)
    else {
      throw .invalid(
        rule: "CLIP.settings", place: "clip",
        detail:
          "image_size \(imageSide) must be a multiple of patch_size \(patchSide), hidden_size \(width) of "
          + "num_attention_heads \(heads), image_mean and image_std 3 numbers, hidden_act quick_gelu or gelu")
    }
  }
}

extension NetworkBuilder {
  /// The tower's last hidden state, `[N, tokens, width]`, of a picture `[N, 3, H, W]` in 0...1: before the
  /// last normalization and the projection.
  package mutating func clipVisionTower(
    _ image: ValueID, _ name: String, _ clip: CLIPConfiguration
  ) throws(GraphError) -> ValueID {
    try clip.verify()
    let picture = try clipImage(image, "\(name).processor", clip)
    let embeddings = "\(name).embeddings"
    let (width, side) = (clip.width, clip.patchSide)
    let kernel = try parameter(
      "\(embeddings).patch_embedding.weight", [width, 3, side, side], .normal(0.02))
    let cut = Convolution(stride: side)
    let grid = try apply(cut, picture, kernel, name: "\(embeddings).patch_embedding")
    let rows = try reshaped(grid, [.batch, SizeExpression(width), .height * .width], "\(embeddings).rows")
    let patches = try apply(Transpose(permutation: [0, 2, 1]), rows, name: "\(embeddings).patches")
    let token = try parameter("\(embeddings).class_embedding", [width], .normal(1))
    let tokens = try apply(
      RelativeExpand([.like(0), 1, SizeExpression(width)]), token, patches, name: "\(embeddings).class")
    let all = try concatenation(tokens, patches, "\(embeddings).tokens")
    let positions = try parameter(
      "\(embeddings).position_embedding.weight", [clip.tokenCount, width], .normal(0.02))
    var x = try tokenNormalization(
      try sum(all, positions, embeddings), "\(name).pre_layrnorm", epsilon: clip.epsilon)
    for index in 0..<clip.layers { x = try clipLayer(x, "\(name).encoder.layers.\(index)", clip.layer) }
    return x
  }

  /// The shortest side resized to the tower's, the centre cut out, colours normalized.
  private mutating func clipImage(
    _ image: ValueID, _ name: String, _ clip: CLIPConfiguration
  ) throws(GraphError) -> ValueID {
    let side = SizeExpression(clip.imageSide)
    let shortest = SizeExpression.minimum(.height, .width)
    let resize = RelativeResize(
      mode: .cubic,
      extents: [.batch, .extent(axis: 1), side * .height / shortest, side * .width / shortest],
      cubicCoefficient: -0.5, excludesOutside: true, isAntialiased: true)
    let resized = try apply(resize, image, name: "\(name).resized")
    // Half of what is too much, rounded to even as Python's `round` does.
    let starts = [2, 3].map { axis -> SizeExpression in
      let rest = .extent(axis: axis) - side
      return (rest + rest / 2 % 2) / 2
    }
    let crop = RelativeSlice(
      starts: [0, 0] + starts, extents: [.batch, .extent(axis: 1), side, side])
    let square = try apply(crop, resized, name: "\(name).cropped")
    let mean = constant(clip.mean, [3, 1, 1], "\(name).mean")
    let deviation = constant(clip.deviation, [3, 1, 1], "\(name).std")
    return try apply(
      Binary(.divide), try apply(Binary(.subtract), square, mean, name: "\(name).centred"), deviation,
      name: name)
  }
}
