import IRGraph
import IROperators
import IRTensor

/// Computation on each token of a feature map whose channels were moved last is done before they are moved,
/// where a product with a constant matrix is a 1×1 convolution. The movement comes closer to the outputs;
/// exact up to the order of sums.
struct ChannelsFirst: RewriteRule {
  static let name = "channels-first"

  /// A feature map `[N, C, H, W]` as `[N, H, W, C]`, or as `[N, H · W, C]`.
  private struct Tokens {
    var featureMap: ValueID
    var isFlat: Bool
  }

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard node.outputs.count == 1, graph[node.outputs[0]].type.elementType == .float32 else { return nil }
    var patch = GraphPatch(to: graph)
    let result: GraphPatch.Operand?
    switch node.operator {
    case let transpose as Transpose:
      return try flattened(transpose, node, graph)
    case let product as MatrixMultiply:
      result = try self.product(product, node, &patch, graph)
    case let layer as LayerNormalization:
      guard let x = tokens(node.inputs[0], graph),
        layer.axes == [graph[node.inputs[0]].type.shape.rank - 1]
      else { return nil }
      result = try patch.value(
        LayerNormalization(axes: [1], epsilon: layer.epsilon),
        [.existing(x.featureMap)] + node.inputs.dropFirst().map { GraphPatch.Operand.existing($0) },
        name: node.name)
    case let binary as Binary: result = try self.binary(binary, node, &patch, graph)
    case is Unary, is Activation:
      guard let x = tokens(node.inputs[0], graph), node.inputs.count == 1 else { return nil }
      result = try patch.value(node.operator, [.existing(x.featureMap)], name: node.name)
    default: return nil
    }
    guard let result else { return nil }
    let shape = graph[node.outputs[0]].type.shape
    var moved = try patch.value(Transpose.toLast, [result], name: "\(node.name).last")
    if shape.rank == 3 {
      moved = try patch.value(Reshape(shape: shape), [moved], name: "\(node.name).flat")
    }
    patch.replace(node.outputs[0], with: moved)
    return patch
  }

  private func tokens(_ value: ValueID, _ graph: Graph) -> Tokens? {
    let shape = graph[value].type.shape
    if let (_, transpose, sources) = graph.producer(of: value, as: Transpose.self) {
      return transpose == .toLast ? Tokens(featureMap: sources[0], isFlat: false) : nil
    }
    guard let (_, _, sources) = graph.producer(of: value, as: Reshape.self), shape.rank == 3,
      let (_, transpose, featureMaps) = graph.producer(of: sources[0], as: Transpose.self),
      transpose == .toLast, case let from = graph[sources[0]].type.shape,
      shape == [from[0], from[1] * from[2], from[3]]
    else { return nil }
    return Tokens(featureMap: featureMaps[0], isFlat: true)
  }

  /// The movement of a flattened feature map is one of the feature map.
  private func flattened(
    _ transpose: Transpose, _ node: Node, _ graph: Graph
  ) throws(GraphError) -> GraphPatch? {
    guard transpose.permutation == [0, 2, 1] else { return nil }
    let to = graph[node.outputs[0]].type.shape
    var patch = GraphPatch(to: graph)
    if let x = tokens(node.inputs[0], graph) {
      patch.replace(
        node.outputs[0], with: try patch.value(Reshape(shape: to), [.existing(x.featureMap)], name: node.name)
      )
      return patch
    }
    guard let (_, _, sources) = graph.producer(of: node.inputs[0], as: Reshape.self),
      case let from = graph[sources[0]].type.shape, from.rank == 4, from[0] == to[0], from[1] == to[2],
      from[2] * from[3] == to[1]
    else { return nil }
    let last = try patch.value(Transpose.toLast, [.existing(sources[0])], name: node.name)
    patch.replace(
      node.outputs[0], with: try patch.value(Reshape(shape: to), [last], name: "\(node.name).flat"))
    return patch
  }

  private func product(
    _ product: MatrixMultiply, _ node: Node, _ patch: inout GraphPatch, _ graph: Graph
  ) throws(GraphError) -> GraphPatch.Operand? {
    guard !product.transposesA, let x = tokens(node.inputs[0], graph),
      let weight = graph.constant(node.inputs[1]), weight.shape.rank == 2
    else { return nil }
    let rows = product.transposesB ? weight : Transpose(permutation: [1, 0]).evaluate([weight])[0]
    let kernel = patch.constant(
      rows.reshaped(to: [rows.shape[0], rows.shape[1], 1, 1]), name: graph[node.inputs[1]].name)
    return try patch.value(Convolution.pointwise, [.existing(x.featureMap), kernel], name: node.name)
  }

  private func binary(
    _ binary: Binary, _ node: Node, _ patch: inout GraphPatch, _ graph: Graph
  ) throws(GraphError) -> GraphPatch.Operand? {
    let sides = node.inputs.map { tokens($0, graph) }
    if let a = sides[0], let b = sides[1] {
      guard a.isFlat == b.isFlat, graph[a.featureMap].type == graph[b.featureMap].type else { return nil }
      return try patch.value(binary, [.existing(a.featureMap), .existing(b.featureMap)], name: node.name)
    }
    for (index, x) in sides.enumerated() {
      guard let x, let constant = graph.constant(node.inputs[1 - index]) else { continue }
      let channels = graph[x.featureMap].type.shape[1]
      let isScalar = constant.elementCount == 1
      guard isScalar || (constant.elementCount == channels && constant.shape.last == channels) else {
        return nil
      }
      let name = graph[node.inputs[1 - index]].name
      // A convolution adds a number to each channel itself.
      if binary.function == .add, !isScalar, graph.onlyUser(of: node.inputs[index]) != nil,
        let (_, convolution, inputs) = graph.producer(of: x.featureMap, as: Convolution.self),
        inputs.count == 2
      {
        let bias = patch.constant(constant.reshaped(to: [channels]), name: name)
        return try patch.value(
          convolution, inputs.map { GraphPatch.Operand.existing($0) } + [bias], name: node.name)
      }
      let number = patch.constant(
        constant.reshaped(to: isScalar ? [1, 1, 1, 1] : [1, channels, 1, 1]), name: name)
      let featureMap = GraphPatch.Operand.existing(x.featureMap)
      return try patch.value(
        binary, index == 0 ? [featureMap, number] : [number, featureMap], name: node.name)
    }
    return nil
  }
}
