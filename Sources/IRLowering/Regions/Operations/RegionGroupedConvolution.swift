import IRGraph
import IROperators
import IRTensor

/// A convolution of several groups of more than one channel each, stride 1, that keeps height and width:
/// operands x, [residual].
package struct RegionGroupedConvolution: RegionOperation {
  private let window: RegionWindow

  package static let driverName = "grouped_convolution"

  package init?(_ node: RegionNode) {
    guard let fused = node.convolution, fused.convolution.groupCount > 1, node.types[1].shape[1] > 1,
      node.isFloat32, let grid = node.filledGrid(), RegionGrid(node.types[0]) == grid,
      let window = node.window(fused), window.weight != nil
    else { return nil }
    self.window = window
  }

  package var worth: RegionWorth { .alone }
  package var word: String? { "conv\(window.shape[2])x\(window.shape[3]).grouped" }
  package func reach(_ operand: Int) -> Int { operand == 0 ? window.reach : 0 }

  package var parameters: RegionParameters {
    RegionParameters(
      window: window, groupCount: window.convolution.convolution.groupCount, depth: window.shape[1])
  }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    window.emit(id, as: self, into: &planner)
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    window.directCost(of: instruction, on: machine)
  }
}
