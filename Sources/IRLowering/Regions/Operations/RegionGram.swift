import IRGraph
import IROperators

/// The products of channels over all pixels, and the norms of both operands' channels (`ChannelGram`):
/// operands x, y.
package struct RegionGram: RegionOperation {
  private let groupCount: Int
  /// Channels of y.
  private let columnCount: Int

  package static let driverName = "gram"

  package init?(_ node: RegionNode) {
    guard let gram = node.node.operator as? ChannelGram, node.filledGrid(ofInput: true) != nil else {
      return nil
    }
    (groupCount, columnCount) = (gram.groupCount, node.types[1].shape[1])
  }

  package var isOnInputGrid: Bool { true }
  package var endsRegion: Bool { true }
  package var worth: RegionWorth { .alone }
  package var word: String? { "gram" }
  package var parameters: RegionParameters { RegionParameters(groupCount: groupCount, depth: columnCount) }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) { planner.appendSums(self, of: id) }

  /// Both operands are transposed.
  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    RegionCost(calls: Double(instruction.channelCount) / 4, passes: 4, depth: instruction.channelCount)
  }
}
