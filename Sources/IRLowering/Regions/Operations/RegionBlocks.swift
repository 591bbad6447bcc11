import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// The channel that a place in a block of pixels is: place (i, j) of channel c is `c · channelStep + (i ·
/// side + j) · placeStep`.
package struct BlockLayout: Hashable, Sendable {
  package var side, channelStep, placeStep: Int

  /// `wide`: the shape of the feature map that has the blocks. Nil where regions compute no blocks of the
  /// side.
  init?(side: Int, mode: DepthToSpaceMode, wide: Shape, within limits: KernelSupport.RegionLimits) {
    guard side >= 2, side <= limits.side else { return nil }
    self.side = side
    switch mode {
    case .columnRowDepth: (channelStep, placeStep) = (side * side, 1)
    case .depthColumnRow: (channelStep, placeStep) = (1, wide[1])
    }
  }
}

/// From a feature map of `side` times the region's height and width, which has no rows in the region.
package struct RegionSpaceToDepth: RegionOperation {
  private let blocks: BlockLayout

  package static let driverName = "space_to_depth"

  package init?(_ node: RegionNode) {
    guard node.filledGrid() != nil, node.isFloat32, let move = node.node.operator as? SpaceToDepth,
      let blocks = BlockLayout(
        side: move.blockSize, mode: move.mode, wide: node.types[0].shape, within: node.limits)
    else { return nil }
    self.blocks = blocks
  }

  package var readsWhole: Bool { true }
  package var word: String? { "to-depth" }
  package var parameters: RegionParameters { RegionParameters(blocks: blocks) }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    let node = planner.graph[id]
    planner.append(
      self, [planner.wholeInput(planner.converted(node.inputs[0]))], to: node.outputs[0],
      multiplyAddCount: planner.graph.multiplyAddCount(of: id))
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    RegionCost(
      calls: RegionCost.rowCalls * Double(instruction.channelCount) / Double(blocks.side), passes: 2,
      depth: instruction.channelCount)
  }
}

/// To such a feature map.
package struct RegionDepthToSpace: RegionOperation {
  private let blocks: BlockLayout

  package static let driverName = "depth_to_space"

  package init?(_ node: RegionNode) {
    guard node.filledGrid(ofInput: true) != nil, node.isFloat32,
      let move = node.node.operator as? DepthToSpace,
      let blocks = BlockLayout(
        side: move.blockSize, mode: move.mode, wide: node.outputShape, within: node.limits)
    else { return nil }
    self.blocks = blocks
  }

  package var isOnInputGrid: Bool { true }
  package var endsRegion: Bool { true }
  package var word: String? { "to-space" }
  package var parameters: RegionParameters { RegionParameters(blocks: blocks) }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    let node = planner.graph[id]
    planner.append(
      self, [planner.operand(node.inputs[0], isReadOften: false)],
      to: planner.conversion(of: node.outputs[0]) ?? node.outputs[0],
      multiplyAddCount: planner.graph.multiplyAddCount(of: id))
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    RegionCost(
      calls: RegionCost.rowCalls * Double(instruction.channelCount) * Double(blocks.side), passes: 2,
      depth: instruction.channelCount * blocks.side * blocks.side)
  }
}
