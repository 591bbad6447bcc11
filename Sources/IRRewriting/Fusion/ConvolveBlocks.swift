import IRGraph
import IROperators
import IRTensor

/// The side of square windows over two axes that lie side by side, if a region knows blocks of that side.
private func sideOfBlocks(_ window: SlidingWindow, _ support: KernelSupport) -> Int? {
  guard window.kernel.count == 2, let side = window.kernel.first, side >= 2,
    side <= support.regions?.side ?? 0,
    window.kernel == [side, side], window.strides == [side, side], window.dilations == [1, 1],
    window.padsBefore == [0, 0], window.padsAfter == [0, 0]
  else { return nil }
  return side
}

/// A convolution whose windows lie side by side is a product of each block's pixels, which regions compute:
/// its weights are those of a 1×1 convolution of the blocks' places as channels. Reassociated where the
/// kernels' orders differ; strides decrease.
struct ConvolveBlocks: RewriteRule {
  static let name = "convolve-blocks"
  let support: KernelSupport

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let convolution = node.operator as? Convolution, convolution.groupCount == 1,
      graph[node.inputs[0]].type.elementType == .float32, graph.constant(node.inputs[1]) != nil
    else { return nil }
    let (x, weight) = (graph[node.inputs[0]].type.shape, graph[node.inputs[1]].type.shape)
    guard let side = sideOfBlocks(convolution.window(weight), support), x[2] % side == 0, x[3] % side == 0
    else {
      return nil
    }
    var patch = GraphPatch(to: graph)
    let blocks = try patch.value(
      SpaceToDepth(blockSize: side), [.existing(node.inputs[0])], name: "\(node.name).blocks")
    let flat = try patch.value(
      Reshape(shape: [weight[0], weight[1] * side * side, 1, 1]), [.existing(node.inputs[1])],
      name: "\(node.name).weight")
    patch.replace(
      node.outputs[0],
      with: try patch.value(
        Convolution.pointwise, [blocks, flat] + node.inputs.dropFirst(2).map { .existing($0) },
        name: node.name))
    return patch
  }
}

/// The way back: a transposed convolution whose windows lie side by side is a product for every place in a
/// block, and the places are moved into space. Reassociated where the kernels' orders differ; transposed
/// convolutions decrease.
struct SpreadBlocks: RewriteRule {
  static let name = "spread-blocks"
  let support: KernelSupport

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let convolution = node.operator as? ConvolutionTranspose, convolution.groupCount == 1,
      graph[node.inputs[0]].type.elementType == .float32, let weight = graph.constant(node.inputs[1]),
      let side = sideOfBlocks(convolution.window(weight.shape), support), convolution.outputPadding == [0, 0]
    else { return nil }
    var patch = GraphPatch(to: graph)
    let places = weight.shape[1] * side * side
    let spread = Transpose(permutation: [2, 3, 1, 0]).evaluate([weight])[0]
      .reshaped(to: [places, weight.shape[0], 1, 1])
    var inputs = [.existing(node.inputs[0]), patch.constant(spread, name: "\(node.name).weight")]
    if node.inputs.count > 2 {
      guard let bias = graph.constant(node.inputs[2]) else { return nil }
      let spread = Tile(repeats: [side * side]).evaluate([bias])[0]
      inputs.append(patch.constant(spread, name: "\(node.name).bias"))
    }
    let wide = try patch.value(Convolution.pointwise, inputs, name: "\(node.name).places")
    patch.replace(
      node.outputs[0],
      with: try patch.value(
        DepthToSpace(blockSize: side, mode: .depthColumnRow), [wide], name: node.name))
    return patch
  }
}
