import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// A pointwise convolution where products are computed in bfloat16: operands x, [residual]. The processor
/// multiplies two channels at a time.
package struct RegionPairsConvolution: RegionOperation {
  private let exact: RegionConvolution

  package static let driverName = "pairs_convolution"

  package init?(_ node: RegionNode) {
    guard let exact = RegionConvolution(node), exact.isPointwise,
      node.support.isBFloat16(rows: exact.window.shape[0], depth: exact.window.shape[1])
    else { return nil }
    self.exact = exact
  }

  package var worth: RegionWorth { .alone }
  package var slicing: RegionSlicing { .parts }
  package var word: String? { "conv1x1.bf16" }
  package var parameters: RegionParameters { exact.parameters }
  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    exact.emit(id, as: self, into: &planner)
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    var cost = exact.cost(of: instruction, stepRows: stepRows, on: machine)
    cost.gain = machine.bfloat16Gain
    return cost
  }
}
