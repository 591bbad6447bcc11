import IRGraph
import IROperators
import IRTensor

/// A sum with a convolution's result, an activation of it, or factors of its channels become part of the
/// convolution, where nothing else uses the result. Nodes decrease; exact up to one
/// rounding between convolution and sum, or of each weight.
struct FuseConvolution: RewriteRule {
  static let name = "fuse-convolution"
  let support: KernelSupport

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    if let activation = ElementwiseChain.Function(ofOneNumber: node.operator) {
      let shape = graph[node.outputs[0]].type.shape
      guard case (var fused, let inputs, let name)? = convolution(node.inputs[0], usedBy: id, in: graph),
        support.supports(
          activation, after: fused.convolution, weight: graph[inputs[1]].type.shape,
          constant: graph.constant(inputs[1]),
          pixelCount: shape.elementCount(in: 2..<shape.rank))
      else { return nil }
      fused.activation = activation
      return try patch(fused, inputs, node, name, graph)
    }
    if let scaled = try scaled(node, id, graph) { return scaled }
    guard let binary = node.operator as? Binary, binary.function == .add else { return nil }
    // Of two convolutions the larger takes the sum: the other is then free to end what it reads before.
    var terms = [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])]
    if work(of: terms[0].1, in: graph) > work(of: terms[0].0, in: graph) { terms.reverse() }
    for (value, residual) in terms {
      guard graph[value].type == graph[residual].type,
        case (var fused, var inputs, let name)? = convolution(value, usedBy: id, in: graph),
        !fused.hasResidual
      else { continue }
      fused.hasResidual = true
      inputs.append(residual)
      return try patch(fused, inputs, node, name, graph)
    }
    return nil
  }

  /// The multiply-adds of the node that makes the value.
  private func work(of value: ValueID, in graph: Graph) -> Int {
    graph.producer(of: value).map { graph.multiplyAddCount(of: $0) } ?? 0
  }

  /// The convolution with weights that are multiplied by the numbers.
  private func scaled(_ node: Node, _ id: NodeID, _ graph: Graph) throws(GraphError) -> GraphPatch? {
    guard let binary = node.operator as? Binary, binary.function == .multiply else { return nil }
    for (value, other) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
      let type = graph[value].type
      guard type == graph[node.outputs[0]].type, type.shape.rank > 2,
        let factors = graph.channelFactors(other, of: type.shape), graph.onlyUser(of: value) == id,
        let (producer, convolution, inputs) = graph.producer(of: value, as: Convolution.self),
        inputs.dropFirst().allSatisfy({ graph.constant($0)?.elementType == .float32 })
      else { continue }
      var patch = GraphPatch(to: graph)
      var operands = [GraphPatch.Operand.existing(inputs[0])]
      for input in inputs.dropFirst() {
        guard let tensor = graph.constant(input) else { return nil }
        operands.append(
          patch.constant(tensor.scaled(alongFirstAxis: factors), name: "\(graph[input].name).scaled"))
      }
      patch.replace(
        node.outputs[0], with: try patch.value(convolution, operands, name: graph[producer].name))
      return patch
    }
    return nil
  }

  /// The convolution, without an activation, that makes the value for this node alone.
  private func convolution(
    _ value: ValueID, usedBy id: NodeID, in graph: Graph
  ) -> (FusedConvolution, [ValueID], name: String)? {
    guard graph.onlyUser(of: value) == id, graph[value].type.elementType == .float32 else { return nil }
    if let (producer, convolution, inputs) = graph.producer(of: value, as: Convolution.self) {
      return (FusedConvolution(convolution, hasBias: inputs.count > 2), inputs, graph[producer].name)
    }
    guard let (producer, fused, inputs) = graph.producer(of: value, as: FusedConvolution.self),
      fused.activation == nil
    else { return nil }
    return (fused, inputs, graph[producer].name)
  }

  private func patch(
    _ fused: FusedConvolution, _ inputs: [ValueID], _ node: Node, _ name: String, _ graph: Graph
  ) throws(GraphError) -> GraphPatch {
    var patch = GraphPatch(to: graph)
    patch.replace(node.outputs[0], with: try patch.value(fused, inputs.map { .existing($0) }, name: name))
    return patch
  }
}

extension Tensor {
  /// Each part along the first axis times its factor, computed in float64.
  func scaled(alongFirstAxis factors: [Double]) -> Tensor {
    let size = max(elementCount / max(factors.count, 1), 1)
    return Tensor(type, doubles: doubles.enumerated().map { $1 * factors[$0 / size] })
  }

  /// Some parts along the first axis.
  package func part(alongFirstAxis range: Range<Int>) -> Tensor {
    guard range != 0..<shape[0] else { return self }
    let starts = [range.lowerBound] + [Int](repeating: 0, count: shape.rank - 1)
    let slice = Slice(
      starts: starts, steps: starts.map { _ in 1 }, extents: [range.count] + shape.extents.dropFirst())
    return slice.evaluate([self])[0]
  }
}
