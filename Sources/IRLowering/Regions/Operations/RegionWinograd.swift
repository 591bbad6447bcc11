import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// A convolution of Winograd's form (`WinogradForm`), computed in tiles, that keeps height and width:
/// operands x, [residual].
package struct RegionWinograd: RegionOperation {
  let window: RegionWindow
  private let form: WinogradForm

  package static let driverName = "winograd"

  package init?(_ node: RegionNode) {
    guard let form = node.support.winograd, let fused = node.convolution, node.isFloat32,
      let grid = node.filledGrid(),
      RegionGrid(node.types[0]) == grid,
      form.applies(to: fused.convolution, weight: node.types[1].shape),
      !form.isStreamed(node.types[1].shape),
      fused.convolution.padsBefore == [1, 1], fused.convolution.padsAfter == [1, 1],
      let window = RegionWindow(fused, of: node), window.weight != nil
    else { return nil }
    self.window = window
    self.form = form
  }

  package var readsConcatenationsByRows: Bool { false }
  package var word: String? { "conv3x3.winograd" }
  package var parameters: RegionParameters { RegionParameters(window: window, depth: window.shape[1]) }
  package func reach(_ operand: Int) -> Int { operand == 0 ? 1 : 0 }
  package var alignment: Int { form.tile }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    window.emit(id, as: self, into: &planner)
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    var cost = instruction.productCost(on: machine)
    cost.gain = machine.winogradGain
    cost.residentByteCount = form.transformedByteCount(window.shape)
    return cost
  }

  /// Over whole feature maps.
  package func secondsAlone(
    _ instruction: RegionPlan.Instruction, pixelCount: Int, on machine: MachineModel
  ) -> Double? {
    secondsAlone(instruction, pixelCount: pixelCount, gain: machine.winogradGain, on: machine)
  }

  /// With `gain` multiply-adds in the time of one.
  func secondsAlone(
    _ instruction: RegionPlan.Instruction, pixelCount: Int, gain: Double, on machine: MachineModel
  ) -> Double {
    let read = instruction.operands.reduce(0) { $0 + $1.channelCount }
    return Double(instruction.multiplyAddCount) / machine.multiplyAddRate / gain
      + machine.transferSeconds(4 * pixelCount * (read + instruction.channelCount))
  }
}
