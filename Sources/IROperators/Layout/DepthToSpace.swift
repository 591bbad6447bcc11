import IRGraph
import IRTensor

package enum DepthToSpaceMode: String, Hashable, Sendable, Codable, CaseIterable {
  /// Channel (i · block + j) · C + c.
  case depthColumnRow
  /// Channel c · block² + i · block + j, as pixel shuffle has it.
  case columnRowDepth
}

/// Moves blocks of channels into space: `[N, C b², H, W]` to `[N, C, H b, W b]`.
package struct DepthToSpace: Operator {
  package var blockSize: Int
  package var mode: DepthToSpaceMode
  package static let name = "DepthToSpace"

  package init(blockSize: Int, mode: DepthToSpaceMode = .columnRowDepth) {
    self.blockSize = blockSize
    self.mode = mode
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let x = inputs[0].shape
    guard x.rank == 4 else { throw TypeError("DepthToSpace.rank", "needs [N, C, H, W], has \(x)") }
    guard (1...4096).contains(blockSize), x[1] % (blockSize * blockSize) == 0 else {
      throw TypeError("DepthToSpace.channels", "\(x[1]) channels in blocks of \(blockSize)×\(blockSize)")
    }
    return [
      inputs[0].with(shape: [x[0], x[1] / (blockSize * blockSize), x[2] * blockSize, x[3] * blockSize])
    ]
  }

  /// The permutation of `[N, …, H, W]` split into six axes that does the move.
  package var sixAxes: (shape: (Shape) -> Shape, permutation: [Int]) {
    let b = blockSize
    switch mode {
    case .depthColumnRow: return ({ [$0[0], b, b, $0[1] / (b * b), $0[2], $0[3]] }, [0, 3, 4, 1, 5, 2])
    case .columnRowDepth: return ({ [$0[0], $0[1] / (b * b), b, b, $0[2], $0[3]] }, [0, 1, 4, 2, 5, 3])
    }
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0].shape
    let moved = Transpose(permutation: sixAxes.permutation).evaluate([
      inputs[0].reshaped(to: sixAxes.shape(x))
    ])[0]
    return [moved.reshaped(to: [x[0], x[1] / (blockSize * blockSize), x[2] * blockSize, x[3] * blockSize])]
  }
}

/// Moves blocks of space into channels: the inverse of `DepthToSpace`.
package struct SpaceToDepth: Operator {
  package var blockSize: Int
  package var mode: DepthToSpaceMode
  package static let name = "SpaceToDepth"

  package init(blockSize: Int, mode: DepthToSpaceMode = .columnRowDepth) {
    self.blockSize = blockSize
    self.mode = mode
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let x = inputs[0].shape
    guard x.rank == 4 else { throw TypeError("SpaceToDepth.rank", "needs [N, C, H, W], has \(x)") }
    guard (1...4096).contains(blockSize), x[2] % blockSize == 0, x[3] % blockSize == 0 else {
      throw TypeError("SpaceToDepth.extents", "\(x[2])×\(x[3]) in blocks of \(blockSize)×\(blockSize)")
    }
    let (channels, overflow) = x[1].multipliedReportingOverflow(by: blockSize * blockSize)
    guard !overflow else {
      throw TypeError("SpaceToDepth.channels", "\(x[1]) channels in blocks of \(blockSize)")
    }
    return [inputs[0].with(shape: [x[0], channels, x[2] / blockSize, x[3] / blockSize])]
  }

  /// The split of `[N, C, H, W]` into six axes and the permutation that does the move.
  package var sixAxes: (shape: (Shape) -> Shape, permutation: [Int]) {
    let b = blockSize
    let permutation = mode == .depthColumnRow ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4]
    return ({ [$0[0], $0[1], $0[2] / b, b, $0[3] / b, b] }, permutation)
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0].shape
    let moved = Transpose(permutation: sixAxes.permutation).evaluate([
      inputs[0].reshaped(to: sixAxes.shape(x))
    ])[0]
    return [moved.reshaped(to: [x[0], x[1] * blockSize * blockSize, x[2] / blockSize, x[3] / blockSize])]
  }
}

extension DepthToSpace: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let first = -Double(blockSize - 1) / Double(blockSize)
    let window = AxisWindow(stride: 1, over: blockSize, first: first, last: 0)
    return [.same(0), .mixed, .window(2, window), .window(3, window)]
  }
}

extension DepthToSpace: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(SpaceToDepth(blockSize: blockSize, mode: mode), [c])]
  }
}

extension SpaceToDepth: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let window = AxisWindow(extent: blockSize, stride: blockSize, padding: 0)
    return [.same(0), .mixed, .window(2, window), .window(3, window)]
  }
}

extension SpaceToDepth: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(DepthToSpace(blockSize: blockSize, mode: mode), [c])]
  }
}
