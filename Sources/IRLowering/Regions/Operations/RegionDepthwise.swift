import IRGraph
import IROperators
import IRTensor

/// A convolution of one group a channel, stride 1, that keeps height and width, without residual: operand x.
package struct RegionDepthwise: RegionOperation {
  let window: RegionWindow

  package static let driverName = "depthwise"

  private init(_ window: RegionWindow) { self.window = window }

  package init?(_ node: RegionNode) {
    guard let fused = node.convolution, !fused.hasResidual, node.isFloat32, let grid = node.filledGrid(),
      RegionGrid(node.types[0]) == grid, fused.convolution.groupCount > 1,
      fused.convolution.groupCount == node.types[0].shape[1],
      node.types[1].shape[0] == node.types[0].shape[1],
      !node.support.isSmallDepthwise(
        fused.convolution, weight: node.types[1].shape, pixelCount: grid.height * grid.width),
      let window = node.window(fused), window.weight != nil
    else { return nil }
    self.window = window
  }

  package var worth: RegionWorth { .alone }
  package var slicing: RegionSlicing { .parts }
  package var depthwiseWindow: RegionWindow? { window }
  package var word: String? { "dw\(window.shape[2])x\(window.shape[3])" }
  package var parameters: RegionParameters { RegionParameters(window: window) }
  package func reach(_ operand: Int) -> Int { operand == 0 ? window.reach : 0 }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    let (input, result) = (planner.graph[id].inputs[0], planner.graph[id].outputs[0])
    guard let parts = planner.partsOf[id] else {
      let operands = [planner.operand(input, isReadOften: false)]
      planner.append(
        self, operands, to: result, multiplyAddCount: planner.graph.multiplyAddCount(of: id))
      return
    }
    let whole = planner.operand(input, isReadOften: false)
    for part in parts {
      let (channel, count) = (planner.firstChannel(of: part, in: result), planner.channelCount(part))
      var operand = whole
      operand.channel += channel
      let own = window.part(channel..<(channel + count))
      planner.append(
        RegionDepthwise(own), [operand], to: part,
        multiplyAddCount: own.shape.elementCount * planner.pixelCount)
    }
  }

  package func narrowed(_ whole: any Operator, to channels: Range<Int>) -> any Operator {
    var fused = window.convolution
    fused.convolution.groupCount = channels.count
    return whole is Convolution ? fused.convolution : fused
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    let channels = Double(instruction.channelCount)
    return RegionCost(
      calls: RegionCost.windowCalls * channels / RegionCost.windowRows(stepRows, on: machine),
      passes: RegionCost.windowPasses, depth: instruction.channelCount)
  }
}
