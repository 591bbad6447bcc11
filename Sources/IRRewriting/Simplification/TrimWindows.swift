import IRGraph
import IROperators
import IRTensor

/// Rows and columns at the edges of a convolution's window that see nothing but padding, wherever the window
/// stands, are cut off: those of strongly dilated windows over small feature maps. Products decrease; exact.
struct TrimWindows: RewriteRule {
  static let name = "trim-windows"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard var convolution = node.operator as? Convolution, let weight = graph.constant(node.inputs[1])
    else { return nil }
    let (input, output) = (graph[node.inputs[0]].type.shape, graph[node.outputs[0]].type.shape)
    var (starts, extents) = ([Int](repeating: 0, count: weight.shape.rank), weight.shape.extents)
    for axis in convolution.strides.indices {
      let kept = taps(convolution, axis, count: weight.shape[axis + 2], input[axis + 2], output[axis + 2])
      let dilation = convolution.dilations[axis]
      let before = convolution.padsBefore[axis] - kept.lowerBound * dilation
      let after = convolution.padsAfter[axis] - (weight.shape[axis + 2] - kept.upperBound) * dilation
      guard !kept.isEmpty, kept.count < weight.shape[axis + 2], before >= 0, after >= 0 else { continue }
      (starts[axis + 2], extents[axis + 2]) = (kept.lowerBound, kept.count)
      (convolution.padsBefore[axis], convolution.padsAfter[axis]) = (before, after)
    }
    guard extents != weight.shape.extents else { return nil }
    let slice = Slice(starts: starts, steps: starts.map { _ in 1 }, extents: extents)
    var patch = GraphPatch(to: graph)
    let name = graph[node.inputs[1]].name
    var operands = [
      GraphPatch.Operand.existing(node.inputs[0]),
      patch.constant(slice.evaluate([weight])[0], name: "\(name).trimmed"),
    ]
    for bias in node.inputs.dropFirst(2) { operands.append(.existing(bias)) }
    patch.replace(
      node.outputs[0], with: try patch.value(convolution, operands, name: node.name))
    return patch
  }

  /// The window's taps along an axis between the first and the last that see the input from some place.
  private func taps(
    _ convolution: Convolution, _ axis: Int, count: Int, _ input: Int, _ output: Int
  ) -> Range<Int> {
    let seeing = (0..<count).filter { tap in
      let first = tap * convolution.dilations[axis] - convolution.padsBefore[axis]
      return first < input && first + (output - 1) * convolution.strides[axis] >= 0
    }
    guard let first = seeing.first, let last = seeing.last else { return 0..<0 }
    return first..<(last + 1)
  }
}
