import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// The extents `[N, H, W]` of feature maps: what all values of a region share.
package struct RegionGrid: Hashable, Sendable {
  var batch, height, width: Int

  /// Nil for values other than float32 `[N, C, H, W]`.
  init?(_ type: TensorType) {
    guard type.elementType == .float32, type.shape.rank == 4 else { return nil }
    (batch, height, width) = (type.shape[0], type.shape[2], type.shape[3])
  }
}

/// A node as the operations of regions look at it.
package struct RegionNode {
  let id: NodeID
  let graph: Graph
  let node: Node
  let types: [TensorType]
  /// The limits of the kernels.
  let support: KernelSupport
  let limits: KernelSupport.RegionLimits

  /// Nil where there are no kernels for regions.
  init?(_ id: NodeID, in graph: Graph, _ support: KernelSupport) {
    guard let limits = support.regions else { return nil }
    self.id = id
    self.graph = graph
    self.support = support
    self.limits = limits
    node = graph[id]
    types = graph.inputTypes(of: id)
  }

  func grid(ofInput isOfInput: Bool) -> RegionGrid? {
    (isOfInput ? node.inputs.first : node.outputs.first).flatMap { RegionGrid(graph[$0].type) }
  }

  /// The grid of the first output, or input; nil if that has no pixels.
  func filledGrid(ofInput isOfInput: Bool = false) -> RegionGrid? {
    guard let grid = grid(ofInput: isOfInput), grid.batch > 0, grid.height > 0, grid.width > 0 else {
      return nil
    }
    return grid
  }

  var isFloat32: Bool { types.allSatisfy { $0.elementType == .float32 } }

  var outputShape: Shape { graph[node.outputs[0]].type.shape }

  /// The constant that an input is.
  func constant(_ input: Int) -> Tensor? { graph.placedConstant(node.inputs[input]) }
}
