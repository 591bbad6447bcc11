import IRGraph
import IROperators
import IRTensor

/// What a node does where it can be computed row by row: pictures `[N, C, H, W]` of one height and width in
/// and out, each row of the result from a few rows around it.
enum StreamedOperation {
  /// Dense, stride 1, keeps height and width.
  case convolution(FusedConvolution)
  /// Dense, 3×3, computed in tiles of 4×4 (`WinogradForm`), keeps height and width.
  case winograd(FusedConvolution)
  /// One group a channel, stride 1, keeps height and width, no residual.
  case depthwise(FusedConvolution)
  /// Over the channels of each pixel.
  case normalization(isCentred: Bool, epsilon: Float)
  case elementwise(ElementwiseChain)
  /// Each output is some channels of the input, from these on.
  case channels(starts: [Int])
  case concatenation
  /// To and from a picture of `side` times the height and width, which is no row of a region.
  case spaceToDepth(BlockLayout), depthToSpace(BlockLayout)
  /// Between float32 and float16: whole pictures alone are float16.
  case conversion
  /// Sums over all pixels: their results are no pictures. Those of channels, times a factor, and the products of channels.
  case sum(factor: Float)
  case gram(groupCount: Int)

  /// The pictures' extents `[N, H, W]`: what all values of a region share.
  struct Grid: Hashable {
    var batch, height, width: Int

    init?(_ type: TensorType) {
      guard type.elementType == .float32, type.shape.rank == 4 else { return nil }
      (batch, height, width) = (type.shape[0], type.shape[2], type.shape[3])
    }
  }

  init?(_ id: NodeID, in graph: Graph) {
    let node = graph[id]
    let types = graph.inputTypes(of: id)
    if let gram = node.operator as? ChannelGram {
      guard let grid = Self.grid(of: node, in: graph), grid.batch > 0, grid.height > 0, grid.width > 0 else {
        return nil
      }
      self = .gram(groupCount: gram.groupCount)
      return
    }
    if let reduce = node.operator as? Reduce, reduce.axes.sorted() == [2, 3] {
      guard let grid = Self.grid(of: node, in: graph), grid.batch > 0, grid.height * grid.width > 1,
        reduce.function == .sum || reduce.function == .mean
      else { return nil }
      self = .sum(factor: reduce.function == .mean ? 1 / Float(grid.height * grid.width) : 1)
      return
    }
    guard let output = node.outputs.first, let grid = Self.grid(of: node, in: graph),
      grid.batch > 0, grid.height > 0, grid.width > 0
    else { return nil }
    if node.operator is Cast {
      let pair = [types[0].elementType, graph[output].type.elementType]
      guard pair == [.float32, .float16] || pair == [.float16, .float32] else { return nil }
      self = .conversion
      return
    }
    guard types.allSatisfy({ $0.elementType == .float32 }) else { return nil }
    switch node.operator {
    case let move as SpaceToDepth:
      guard (2...BlockLayout.sideLimit).contains(move.blockSize) else { return nil }
      self = .spaceToDepth(
        BlockLayout(side: move.blockSize, mode: move.mode, wide: types[0].shape))
    case let move as DepthToSpace:
      guard (2...BlockLayout.sideLimit).contains(move.blockSize) else { return nil }
      self = .depthToSpace(
        BlockLayout(side: move.blockSize, mode: move.mode, wide: graph[output].type.shape))
    case let convolution as Convolution:
      let fused = FusedConvolution(
        convolution, hasBias: node.inputs.count > 2, hasResidual: false, isRectified: false)
      self.init(fused, node, types, grid, graph)
    case let fused as FusedConvolution: self.init(fused, node, types, grid, graph)
    case let norm as LayerNormalization where norm.axes == [1]:
      guard Self.areConstant(node.inputs.dropFirst(), graph) else { return nil }
      self = .normalization(isCentred: true, epsilon: norm.epsilon)
    case let norm as RMSNormalization where norm.axes == [1]:
      guard Self.areConstant(node.inputs.dropFirst(), graph) else { return nil }
      self = .normalization(isCentred: false, epsilon: norm.epsilon)
    case let split as Split where split.axis == 1:
      self = .channels(starts: split.sizes.indices.map { split.sizes[..<$0].reduce(0, +) })
    case let slice as Slice where slice.steps[1] == 1:
      guard Grid(types[0]) == grid, slice.steps.allSatisfy({ $0 > 0 }) else { return nil }
      self = .channels(starts: [slice.starts[1]])
    case let concatenate as Concatenate where concatenate.axis == 1: self = .concatenation
    default:
      guard let chain = ElementwiseChain(node.operator),
        types.contains(where: { Grid($0) == grid && $0.shape[1] == graph[output].type.shape[1] }),
        types.allSatisfy({ Self.isOperand($0.shape, of: graph[output].type.shape) })
      else { return nil }
      self = .elementwise(chain)
    }
  }

  private init?(
    _ fused: FusedConvolution, _ node: Node, _ types: [TensorType], _ grid: Grid, _ graph: Graph
  ) {
    let (convolution, weight) = (fused.convolution, types[1].shape)
    guard Grid(types[0]) == grid else { return nil }
    if WinogradForm.applies(to: convolution, weight: weight) {
      guard convolution.padsBefore == [1, 1], convolution.padsAfter == [1, 1],
        Self.areConstant(node.inputs[1..<fused.ownInputCount], graph)
      else { return nil }
      self = .winograd(fused)
      return
    }
    guard convolution.strides == [1, 1], !fused.isRectified || fused.slope == 0,
      Set(convolution.dilations).count == 1, convolution.dilations[0] >= 1,
      zip(convolution.padsBefore, convolution.dilations).enumerated().allSatisfy({ axis, pad in
        (0...Self.reachLimit).contains(pad.0) && (weight[axis + 2] - 1) * pad.1 <= Self.reachLimit
          && pad.0 <= (weight[axis + 2] - 1) * pad.1
      }),
      Self.areConstant(fused.hasBias ? [node.inputs[2]] : [], graph)
    else { return nil }
    let isPointwise = weight[2] == 1 && weight[3] == 1
    guard graph.placedConstant(node.inputs[1]) != nil || (isPointwise && convolution.groupCount == 1) else {
      return nil
    }
    if convolution.groupCount == 1 {
      // A single pixel is a vector, for which there is a kernel.
      guard grid.height * grid.width > 1 || !isPointwise else { return nil }
      self = .convolution(fused)
    } else if convolution.groupCount == types[0].shape[1], weight[0] == types[0].shape[1],
      !fused.hasResidual
    {
      self = .depthwise(fused)
    } else {
      return nil
    }
  }

  /// Rows of a window; what the driver's tables hold.
  private static let reachLimit = 14

  private static func areConstant(_ values: some Sequence<ValueID>, _ graph: Graph) -> Bool {
    values.allSatisfy { graph.placedConstant($0) != nil }
  }

  /// A whole picture, a number for each channel, or one number.
  private static func isOperand(_ shape: Shape, of result: Shape) -> Bool {
    if shape == result { return true }
    let full = Shape([Int](repeating: 1, count: max(0, 4 - shape.rank)) + shape.extents)
    return full.rank == 4 && full[2] == 1 && full[3] == 1 && (full[0] == 1 || full[0] == result[0])
      && (full[1] == result[1] || full.elementCount == 1)
  }

  /// How many rows and columns around a pixel its result depends on.
  func reach(_ weight: Shape?) -> Int {
    switch self {
    case .winograd: return 1
    case .convolution(let fused), .depthwise(let fused):
      guard let weight else { return 0 }
      return (0..<2).map { axis in
        let before = fused.convolution.padsBefore[axis]
        return max(before, (weight[axis + 2] - 1) * fused.convolution.dilations[axis] - before)
      }.max() ?? 0
    case .normalization, .elementwise, .channels, .concatenation, .spaceToDepth, .depthToSpace, .conversion,
      .sum, .gram:
      return 0
    }
  }

  /// The grid of the pictures that the node works on.
  func grid(of id: NodeID, in graph: Graph) -> Grid? { Self.grid(of: graph[id], in: graph) }

  private static func grid(of node: Node, in graph: Graph) -> Grid? {
    let isOfInput =
      node.operator is ChannelGram || node.operator is Reduce || node.operator is DepthToSpace
      || (node.operator as? Cast)?.elementType == .float16
    return (isOfInput ? node.inputs.first : node.outputs.first).flatMap { Grid(graph[$0].type) }
  }

  /// Whether no region reads the results that computes them: those of sums, complete only when the last pixel has been seen,
  /// and pictures that have no rows in a region, of other extents or of float16.
  func endsRegion(_ id: NodeID, in graph: Graph) -> Bool {
    switch self {
    case .sum, .gram, .depthToSpace: true
    case .conversion: graph[graph[id].outputs[0]].type.elementType == .float16
    default: false
    }
  }

  /// Whether the node only names parts of its input.
  var isView: Bool { if case .channels = self { true } else { false } }
}
