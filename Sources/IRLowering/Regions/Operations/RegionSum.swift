import IRGraph
import IROperators

/// The sum or mean of each channel over all pixels: operand x, also one that was written to an output.
package struct RegionSum: RegionOperation {
  private let factor: Float

  package static let driverName = "sum"

  package init?(_ node: RegionNode) {
    guard let reduce = node.node.operator as? Reduce, reduce.axes.sorted() == [2, 3],
      reduce.function == .sum || reduce.function == .mean, let grid = node.filledGrid(ofInput: true),
      grid.height * grid.width > 1
    else { return nil }
    factor = reduce.function == .mean ? 1 / Float(grid.height * grid.width) : 1
  }

  package var isOnInputGrid: Bool { true }
  package var endsRegion: Bool { true }
  package var worth: RegionWorth { .alone }
  package var readsOutputs: Bool { true }
  package var readsConcatenationsByRows: Bool { false }
  package var word: String? { "sum" }
  package var parameters: RegionParameters { RegionParameters(factor: factor) }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) { planner.appendSums(self, of: id) }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    RegionCost(
      calls: RegionCost.rowCalls * Double(instruction.channelCount), passes: 0.5,
      depth: instruction.channelCount)
  }
}
