import IRGraph
import IROperators
import IRTensor

/// (x - mean) / √(mean((x - mean)²) + ε), as exporters decompose it, becomes one `LayerNormalization`: the
/// quotient, or the product with the reciprocal, of whichever form the variance was computed in. Nodes
/// decrease; reassociates within a float32 rounding or two.
struct RecognizeLayerNormalization: RewriteRule {
  static let name = "recognize-layer-normalization"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let binary = node.operator as? Binary else { return nil }
    let (a, b) = (node.inputs[0], node.inputs[1])
    let match: (x: ValueID, axes: [Int], epsilon: Double)?
    switch binary.function {
    case .divide: match = normalization(a, root: graph.operand(of: b, .sqrt), in: graph)
    case .multiply:
      match =
        normalization(a, root: inverseRoot(b, graph), in: graph)
        ?? normalization(b, root: inverseRoot(a, graph), in: graph)
    default: match = nil
    }
    guard let match, graph[match.x].type == graph[node.outputs[0]].type else { return nil }
    var patch = GraphPatch(to: graph)
    let operation = LayerNormalization(axes: match.axes, epsilon: Float(match.epsilon))
    patch.replace(node.outputs[0], with: try patch.value(operation, [.existing(match.x)], name: node.name))
    return patch
  }

  /// v where the value is 1 / √v.
  private func inverseRoot(_ value: ValueID, _ graph: Graph) -> ValueID? {
    if let root = graph.operand(of: value, .reciprocal) { return graph.operand(of: root, .sqrt) }
    if let (one, root) = graph.operands(of: value, .divide), graph.uniform(one) == 1 {
      return graph.operand(of: root, .sqrt)
    }
    return graph.operand(of: value, .reciprocalSqrt)
  }

  private func normalization(
    _ centred: ValueID, root shifted: ValueID?, in graph: Graph
  ) -> (x: ValueID, axes: [Int], epsilon: Double)? {
    guard let shifted, let (x, axes) = difference(centred, graph),
      let (left, right) = graph.operands(of: shifted, .add)
    else { return nil }
    for (variance, constant) in [(left, right), (right, left)] {
      guard let epsilon = graph.uniform(constant), epsilon >= 0, epsilon < 1,
        let (square, varianceAxes) = graph.reduced(variance, .mean), varianceAxes == axes,
        let inner = graph.squared(square), let (source, innerAxes) = difference(inner, graph), source == x,
        innerAxes == axes
      else { continue }
      return (x, axes, epsilon)
    }
    return nil
  }

  /// x and the axes where the value is x less its mean over consecutive axes.
  private func difference(_ value: ValueID, _ graph: Graph) -> (ValueID, [Int])? {
    guard let (x, mean) = graph.operands(of: value, .subtract),
      let (source, axes) = graph.reduced(mean, .mean),
      source == x, let first = axes.first, axes == Array(first..<(first + axes.count)),
      graph[value].type == graph[x].type
    else { return nil }
    return (x, axes)
  }
}

/// A constant factor per normalised element, and then a constant term, become the normalization's own scale
/// and bias; inputs of the graph, as weights are in training, count as constants. Nodes decrease; exact up to
/// the order of roundings.
struct AbsorbScaleAndBias: RewriteRule {
  static let name = "absorb-scale-and-bias"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let binary = node.operator as? Binary, binary.function == .multiply || binary.function == .add
    else { return nil }
    for (value, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      guard let (layerID, layer, inputs) = graph.producer(of: value, as: LayerNormalization.self),
        graph.onlyUser(of: value) == id, graph[value].type == graph[node.outputs[0]].type,
        case var patch = GraphPatch(to: graph),
        let parameter = try parameter(other, layer, graph[value].type.shape, graph, &patch)
      else { continue }
      var operands = inputs.map { GraphPatch.Operand.existing($0) }
      switch (binary.function, inputs.count) {
      case (.multiply, 1), (.add, 2): break
      case (.add, 1):
        let ones = Tensor(patch.type(of: parameter), repeating: 1)
        operands.append(patch.constant(ones, name: "\(graph[layerID].name).scale"))
      default: continue
      }
      operands.append(parameter)
      patch.replace(node.outputs[0], with: try patch.value(layer, operands, name: graph[layerID].name))
      return patch
    }
    return nil
  }

  /// The value with the extents of the normalised axes, where it is the same along all others.
  private func parameter(
    _ value: ValueID, _ layer: LayerNormalization, _ shape: Shape, _ graph: Graph, _ patch: inout GraphPatch
  ) throws(GraphError) -> GraphPatch.Operand? {
    let type = graph[value].type
    guard type.shape.rank <= shape.rank else { return nil }
    let aligned = Shape([Int](repeating: 1, count: shape.rank - type.shape.rank) + type.shape.extents)
    let wanted = Shape(layer.axes.map { shape[$0] })
    for axis in aligned.indices {
      guard aligned[axis] == (layer.axes.contains(axis) ? shape[axis] : 1) || aligned[axis] == 1 else {
        return nil
      }
    }
    let isWhole = type.shape.elementCount == wanted.elementCount
    if let tensor = graph.constant(value) {
      if isWhole { return patch.constant(tensor.reshaped(to: wanted), name: graph[value].name) }
      guard let number = graph.uniform(value) else { return nil }
      return patch.constant(Tensor(type.with(shape: wanted), repeating: number), name: graph[value].name)
    }
    guard isWhole, graph.isInput(graph.withoutReshapes(value)) else { return nil }
    if type.shape == wanted { return .existing(value) }
    return try patch.value(Reshape(shape: wanted), [.existing(value)], name: "\(graph[value].name).scale")
  }
}
