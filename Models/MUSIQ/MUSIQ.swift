import IRGraph
import IROperators
import IRTensor

/// MUSIQ (Ke et al., 2021): how good a picture looks, from its patches at several scales, by a transformer.
///
/// Input `image [1, 3, H, W]`, sRGB in 0...1; outputs `score [1, 1]`, higher being better (about 0...100 for
/// KonIQ-10k's weights), and of networks with several classes `distribution [1, classes]`. The graph is for
/// one size: positions of patches are constants. Tokens that pyiqa pads with and masks are left out, which
/// changes nothing.
package struct MUSIQ: PartNetwork {
  package static let name = "musiq"
  /// Pixels along a patch.
  static let patchSide = 32
  /// Cells along the grid of position embeddings.
  static let gridSide = 10

  package let configuration: MUSIQConfiguration

  package init(_ configuration: MUSIQConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape { [1, 3, 64, 96] }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    try configuration.verify()
    guard shape.rank == 4, shape[0] == 1, shape[1] == 3, shape[2] > 0, shape[3] > 0 else {
      throw .invalid(rule: "MUSIQ.image", place: "image", detail: "\(shape) must be [1, 3, H, W]")
    }
    let c = configuration
    let image = b.input("image", TensorType(.float32, shape))
    let x = try b.apply(Activation(.affine, alpha: 2, beta: -1), image, name: "centred")
    var patches: [ValueID] = []
    var (positions, scales): ([Int], [Int]) = ([], [])
    for (scale, longer) in (c.longerSides + [max(shape[2], shape[3])]).enumerated() {
      let scaled = try resized(x, toLonger: longer, "scales.\(scale)", &b)
      let cut = try b.musiqPatches(scaled, "scales.\(scale)")
      patches.append(cut.patches)
      positions += Self.positions(rows: cut.rows, columns: cut.columns)
      scales += [Int](repeating: scale, count: cut.rows * cut.columns)
    }
    let all = try b.concatenated(patches, axis: 0, "patches")
    let embedded = try b.musiqPatchNetwork(all, to: c.width)
    let score = try encoded(embedded, positions, scales, &b)
    if c.classes == 1 {
      b.output(try b.linear(score, "head", to: 1, bias: true), name: "score")
    } else {
      let logits = try b.linear(score, "head.0", to: c.classes, bias: true)
      let distribution = try b.apply(Softmax(axis: 1), logits, name: "distribution")
      let grades = b.constant((1...c.classes).map { Float($0) }, [c.classes, 1], "grades")
      b.output(try b.apply(MatrixMultiply(), distribution, grades, name: "score"), name: "score")
      b.output(distribution, name: "distribution")
    }
  }

  /// The class token behind the transformer, `[1, width]`.
  private func encoded(
    _ patches: ValueID, _ positions: [Int], _ scales: [Int], _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let c = configuration
    let name = "transformer_encoder"
    let cells = MUSIQ.gridSide * MUSIQ.gridSide
    let positionTable = try b.parameter(
      "\(name).posembed_input.position_emb", [1, cells, c.width], .normal(0.02))
    let scaleTable = try b.parameter(
      "\(name).scaleembed_input.scale_emb", [c.scaleCount, c.width], .normal(0.02))
    let place = try b.apply(
      Gather(axis: 1), positionTable, b.integers(positions, "\(name).positions"), name: "\(name).posembed")
    let scale = try b.apply(
      Gather(axis: 0), scaleTable, b.integers(scales, "\(name).scales"), name: "\(name).scaleembed")
    let tokens = try b.apply(
      Reshape(shape: [1, positions.count, c.width]), patches, name: "\(name).tokens")
    let placed = try b.sum(try b.sum(tokens, place, "\(name).placed"), scale, "\(name).scaled")
    let first = try b.parameter("\(name).cls", [1, 1, c.width], .constant(0))
    var x = try b.concatenation(first, placed, "\(name).input")
    for index in 0..<c.layers {
      x = try block(x, "\(name).transformer.encoderblock_\(index)", &b)
    }
    x = try b.tokenNormalization(x, "\(name).encoder_norm", epsilon: 1e-6)
    let token = try b.apply(
      Slice(starts: [0, 0, 0], steps: [1, 1, 1], extents: [1, 1, c.width]), x, name: "\(name).class")
    return try b.apply(Reshape(shape: [1, c.width]), token, name: "\(name).row")
  }

  private func block(
    _ x: ValueID, _ name: String, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let c = configuration
    let normal = try b.tokenNormalization(x, "\(name).norm1", epsilon: 1e-6)
    let attention = "\(name).attention"
    let mixed = try b.tokenAttention(
      query: try b.linear(normal, "\(attention).query", to: c.width, bias: true),
      key: try b.linear(normal, "\(attention).key", to: c.width, bias: true),
      value: try b.linear(normal, "\(attention).value", to: c.width, bias: true), attention, heads: c.heads)
    let y = try b.sum(x, try b.linear(mixed, "\(attention).out", to: c.width, bias: true), "\(name).sum1")
    let again = try b.tokenNormalization(y, "\(name).norm2", epsilon: 1e-6)
    let wide = try b.linear(again, "\(name).mlp.fc1", to: c.hidden, bias: true)
    let active = try b.apply(Activation(.gelu), wide, name: "\(name).mlp.act")
    return try b.sum(y, try b.linear(active, "\(name).mlp.fc2", to: c.width, bias: true), "\(name).sum2")
  }

  /// The picture with this longer side, by PyTorch's bicubic interpolation.
  private func resized(
    _ x: ValueID, toLonger longer: Int, _ name: String, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let shape = b.shape(of: x)
    let ratio = Double(longer) / Double(max(shape[2], shape[3]))
    let sides = [2, 3].map { max(Int((Double(shape[$0]) * ratio).rounded(.toNearestOrEven)), 1) }
    guard sides != [shape[2], shape[3]] else { return x }
    let resize = Resize(
      mode: .cubic, extents: [1, 3] + sides,
      scales: [1, 1] + [2, 3].map { Double(sides[$0 - 2]) / Double(shape[$0]) })
    return try b.apply(resize, x, name: "\(name).resized")
  }

  /// For each patch, row by row, its cell in the grid of embeddings.
  private static func positions(rows: Int, columns: Int) -> [Int] {
    // PyTorch's nearest neighbour, in float32.
    func cells(_ count: Int) -> [Int] {
      (0..<count).map { min(Int(Float($0) * (Float(gridSide) / Float(count))), gridSide - 1) }
    }
    let across = cells(columns)
    return cells(rows).flatMap { row in across.map { row * gridSide + $0 } }
  }
}
