import IRGraph

/// Copies of channels, also to and from float16: the planner makes them, and operations without one of their
/// own.
package struct RegionCopy: RegionOperation {
  package static let driverName = "copy"

  init() {}
  package init?(_ node: RegionNode) { nil }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {}

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    RegionCost(
      calls: RegionCost.rowCalls * Double(instruction.channelCount), passes: 2,
      depth: instruction.channelCount)
  }
}
