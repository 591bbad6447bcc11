import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// A convolution of Winograd's form where products are computed in bfloat16: operands x, [residual].
package struct RegionPairsWinograd: RegionOperation {
  private let exact: RegionWinograd

  package static let driverName = "pairs_winograd"

  package init?(_ node: RegionNode) {
    guard let exact = RegionWinograd(node),
      node.support.isBFloat16(rows: exact.window.shape[0], depth: exact.window.shape[1])
    else { return nil }
    self.exact = exact
  }

  package var readsConcatenationsByRows: Bool { exact.readsConcatenationsByRows }
  package var word: String? { "conv3x3.winograd.bf16" }
  package var parameters: RegionParameters { exact.parameters }
  package func reach(_ operand: Int) -> Int { exact.reach(operand) }
  package var alignment: Int { exact.alignment }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    exact.window.emit(id, as: self, into: &planner)
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    var cost = exact.cost(of: instruction, stepRows: stepRows, on: machine)
    cost.gain = machine.bfloat16WinogradGain
    cost.residentByteCount /= 2
    return cost
  }

  package func secondsAlone(
    _ instruction: RegionPlan.Instruction, pixelCount: Int, on machine: MachineModel
  ) -> Double? {
    exact.secondsAlone(
      instruction, pixelCount: pixelCount, gain: machine.bfloat16WinogradGain, on: machine)
  }
}
