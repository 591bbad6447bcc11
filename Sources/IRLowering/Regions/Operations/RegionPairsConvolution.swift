import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// A pointwise convolution with constant weights where products are computed in bfloat16: operands x,
/// [residual]. The processor multiplies two channels at a time.
package struct RegionPairsConvolution: RegionOperation {
  private let exact: RegionConvolution

  package static let driverName = "pairs_convolution"
  /// Of fewer channels, rounding costs as much as the products gain.
  private static let leastChannelCount = 8

  package init?(_ node: RegionNode) {
    guard node.support.precision == .bfloat16, let exact = RegionConvolution(node), exact.isPointwise,
      exact.window.weight != nil, exact.window.shape[0] >= Self.leastChannelCount,
      exact.window.shape[1] >= Self.leastChannelCount
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
